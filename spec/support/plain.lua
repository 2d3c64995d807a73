--- busted output handler: failures in full, then one closing line
--- `N passed, N failed[, N skipped]` that any CI can read.
return function()
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base" ()
  function handler.suiteEnd()
    for _, list in ipairs { handler.failures, handler.errors } do
      for _, e in ipairs(list) do
        local at = e.trace or {}
        io.write(("\nFAIL %s:%s  %s\n%s\n"):format(
          at.short_src or "?", at.currentline or "?", e.name, tostring(e.message)))
      end
    end
    for _, e in ipairs(handler.pendings) do
      io.write(("skipped: %s\n"):format(e.message or e.name))
    end
    local skipped = handler.pendingsCount
    io.write(("%d passed, %d failed%s\n"):format(
      handler.successesCount, handler.failuresCount + handler.errorsCount,
      skipped > 0 and (", %d skipped"):format(skipped) or ""))
    io.flush()
    return nil, true
  end
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
