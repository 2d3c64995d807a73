local fault = require "wasm.text.fault"
local lex = require "wasm.text.lex"

local function tokens(text) return table.concat(lex.tokens(text).tok, " "):gsub(" *$", "") end

local function refusal(text)
  local found, err = fault.catch(text, nil, lex.tokens, text)
  assert.is_nil(found)
  return err.message, err.column
end

describe("tokens", function()
  for _, case in ipairs {
    { "nothing", "", "" },
    { "parentheses that touch", "(a)(b(c))", "( a ) ( b ( c ) )" },
    { "every blank", "a\tb\nc\rd e", "a b c d e" },
    { "words of all symbols", "!#$%&'*+-./:<=>?@\\^_`|~ x", "!#$%&'*+-./:<=>?@\\^_`|~ x" },
    { "line comments", "a ;; b c\nd ;;", "a d" },
    { "a line comment that ends with a carriage return", "a ;; b\rc", "a c" },
    { "nested block comments", "a (; ( ;; (; ) ;) \" ;) b", "a b" },
    { "a comment between two words", "a(;x;)b", "a b" },
    { "comments that end in semicolons", "a (;;;;) b (;;) c", "a b c" },
    { "strings", [[("a" "b")]], [[( "a "b )]] },
    { "a string after a parenthesis", [[(0)"a"]], [[( 0 ) "a]] },
    { "an identifier", "$x1 $$ $!?", "$x1 $$ $!?" },
    { "a quoted identifier as a plain one", [[$"fh" $"\41B"]], "$fh $AB" },
    { "an identifier with blanks", [[$" x"]], "$ x" },
  } do
    it("are read from " .. case[1], function()
      assert.equal(case[3], (tokens(case[2])))
    end)
  end

  it("know where they stand", function()
    assert.same({ 1, 2, 9, 11, 12, 12 }, lex.tokens("(module $x)").pos)
  end)

  it("keep every byte of a long string", function()
    local bytes = ("\\00\\ff\\n"):rep(1000)
    assert.equal(("\0\xff\n"):rep(1000), lex.tokens('"' .. bytes .. '"').tok[1]:sub(2))
  end)
end)

describe("string escapes", function()
  for _, case in ipairs {
    { [["\t\n\r\"\'\\"]], "\t\n\r\"'\\" },
    { [["\00\7f\Ff\e2\82\aC"]], "\0\x7f\xff\xe2\x82\xac" },
    { [["\u{41}\u{20ac}\u{10_ffff}"]], "A€\u{10ffff}" },
    { [["\\n\\u{41}"]], "\\n\\u{41}" },
    { [["a\tb"]], "a\tb" },
    { [["naïve"]], "naïve" },
    { [[";; (; no comment"]], ";; (; no comment" },
  } do
    it("are replaced in " .. case[1], function()
      assert.equal('"' .. case[2], lex.tokens(case[1]).tok[1])
    end)
  end
end)

describe("bad tokens", function()
  for _, case in ipairs {
    { [["a]], "unclosed string", 1 },
    { "\"a\n\"", "unclosed string", 1 },
    { [["a\"]], "unclosed string", 1 },
    { "\"a\1\"", "illegal character", 3 },
    { [["\q"]], "illegal escape", 2 },
    { [["\4"]], "illegal escape", 2 },
    { [["\u{}"]], "illegal escape", 2 },
    { [["\u{110000}"]], "illegal escape", 2 },
    { [["\u{d800}"]], "illegal escape", 2 },
    { [["\u{1__0}"]], "illegal escape", 2 },
    { "(; (; ;)", "unclosed comment", 1 },
    { "x $", "empty identifier", 4 },
    { [[$""]], "empty identifier", 2 },
    { "$\"a\nb\"", "empty identifier", 2 },
    { [[$"\ef"]], "malformed UTF-8 encoding", 2 },
    { [["a""b"]], "unknown operator", 1 },
    { [["a"x]], "unknown operator", 1 },
    { [[a"x"]], "unknown operator", 1 },
    { [[$"a"x]], "unknown operator", 1 },
    { "a, b", "unknown operator ,", 2 },
    { "[", "unknown operator [", 1 },
    { "a ; b", "unknown operator ;", 3 },
    { "a\0", "illegal character", 2 },
    { "a ü", "illegal character", 3 },
    { "a \xff", "malformed UTF-8 encoding", 3 },
    { ";; \xc0\x80", "malformed UTF-8 encoding", 4 },
  } do
    it(("refuse %q: %s"):format(case[1], case[2]), function()
      local message, column = refusal(case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
      if not case[1]:find("\n") then assert.equal(case[3], column) end
    end)
  end
end)

describe("annotations", function()
  for _, text in ipairs {
    "(@a)", "(@a x \"y\" (z) $q , ; [ ] { } 0x)", [[(@"quoted \t id" 1)]], "(@a (;c;) ;; )\n)",
    "(@a (@b) (@ x) (@))", "(@@)",
  } do
    it("leave no token: " .. text, function()
      assert.equal("( x )", (tokens("(x " .. text .. ")")))
    end)
  end

  it("are listed with the token that follows", function()
    local found = lex.tokens([[(module (@custom "x") (func) (@"b"))]]).annotations
    assert.same({ { id = "custom", before = 3, from = 9, inner = 17, to = 21 },
                  { id = "b", before = 6, from = 30, inner = 35, to = 35 } }, found)
  end)

  for _, case in ipairs {
    { "(@)", "empty annotation id" }, { "(@ x)", "empty annotation id" },
    { [[(@"")]], "empty annotation id" }, { "(@\"\n\")", "empty annotation id" },
    { [[(@"\ef")]], "malformed UTF-8 encoding" }, { "(@x ()", "unclosed annotation" },
    { "(@x \"", "unclosed string" }, { "(@x \1)", "illegal character" },
    { "(@x ü)", "illegal character" },
  } do
    it(("refuse %q: %s"):format(case[1], case[2]), function()
      assert.equal(case[2], (refusal(case[1])))
    end)
  end
end)
