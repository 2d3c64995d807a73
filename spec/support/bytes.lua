--- Small binaries for the specs of decoding and validation, spelled section by section.
local bytes = {}

bytes.HEADER = "\0asm\1\0\0\0"

--- Unsigned LEB128, as short as can be.
---@param n integer
---@return string
function bytes.u(n)
  local out = {}
  repeat
    local b = n & 0x7f
    n = n >> 7
    out[#out + 1] = string.char(n ~= 0 and b | 0x80 or b)
  until n == 0
  return table.concat(out)
end

--- A vector: the number of items, then the items.
---@param items string[]
---@return string
function bytes.vec(items)
  return bytes.u(#items) .. table.concat(items)
end

--- A name, or any other counted run of bytes.
---@param text string
---@return string
function bytes.name(text)
  return bytes.u(#text) .. text
end

---@param id integer
---@param content string
---@return string
function bytes.section(id, content)
  return string.char(id) .. bytes.u(#content) .. content
end

---@param name string
---@param content string
---@return string
function bytes.custom(name, content)
  return bytes.section(0, bytes.name(name) .. content)
end

--- Header and sections.
---@param ... string
---@return string
function bytes.module(...)
  return bytes.HEADER .. table.concat({ ... })
end

--- A body for the code section; `code` lacks its `end`, `locals` is the whole vector.
---@param code string
---@param locals? string
---@return string
function bytes.body(code, locals)
  return bytes.name((locals or "\0") .. code .. "\x0b")
end

--- A module of one function.
---@param code string  without its `end`
---@param opts? { type: string?, locals: string?, between: string?, after: string? }
---  type: default () -> (); sections between the function section and the code, and after it
---@return string
function bytes.func(code, opts)
  opts = opts or {}
  return bytes.module(
    bytes.section(1, bytes.vec { opts.type or "\x60\0\0" }),
    bytes.section(3, "\1\0"),
    opts.between or "",
    bytes.section(10, bytes.vec { bytes.body(code, opts.locals) }),
    opts.after or "")
end

return bytes
