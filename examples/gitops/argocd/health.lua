-- Health of TwoFactorPolicy and JenkinsInstance for Argo CD, by their conditions (kstatus: Ready, Reconciling, Stalled).
-- Healthy: as the policy says. Progressing: the operator is working. Degraded: needs attention. Suspended: switched off on purpose.
local function condition(name)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, one in ipairs(obj.status.conditions) do
      if one.type == name then
        return one
      end
    end
  end
  return nil
end

local function health(status, message)
  return { status = status, message = message or "" }
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "being deleted")
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "waiting for the operator")
end

local ready, stalled, drifted = condition("Ready"), condition("Stalled"), condition("Drifted")
if ready == nil then
  return health("Progressing", "waiting for the operator")
end
if ready.reason == "Suspended" or ready.reason == "BreakGlass" then
  return health("Suspended", ready.message)
end
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled.reason .. ": " .. stalled.message)
end
if ready.status ~= "True" then
  return health("Progressing", ready.reason .. ": " .. ready.message)
end
if drifted ~= nil and drifted.status == "True" then
  return health("Healthy", "differs: " .. drifted.message)
end
return health("Healthy", ready.message)
