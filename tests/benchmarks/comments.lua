-- wrk: comments of 50 to 1000 characters made of real sentences, one in ten of abuse or spam; each has its own author and
-- begins with two words of its own, so that nothing is sent twice within a run.
local words, plain, bad = {}, {}, {}
for line in io.open(os.getenv("WORDS")):lines() do
  local sentence = line:sub(2)
  local kind = line:sub(1, 1) == "-" and bad or plain
  kind[#kind + 1] = sentence
  if kind == plain then
    for word in sentence:gmatch("%a+") do words[#words + 1] = word end
  end
end
local key = os.getenv("KEY") or ""
local seed = tonumber(os.getenv("SEED") or "1")
local path = os.getenv("TARGET") or "/v1/comments"
-- what is sent: a comment of ours, one of Isso's, or a mail for rspamd
local shape = os.getenv("SHAPE") or "comment"
local per_request = tonumber(os.getenv("PER_REQUEST") or "1")
math.randomseed(seed)
local sent = 0

local function one()
  sent = sent + 1
  local size, parts = math.random(50, 1000), {words[math.random(#words)], words[math.random(#words)]}
  if math.random() < 0.7 then size = math.random(50, 350) end
  local length = #parts[1] + #parts[2] + 2
  local kind = math.random() < 0.1 and bad or plain
  while length < size do
    local sentence = kind[math.random(#kind)]
    parts[#parts + 1] = sentence
    length = length + #sentence + 1
  end
  local text = table.concat(parts, " "):sub(1, 1000)
  if shape == "isso" then
    return string.format('{"author":"Ann B","email":"reader%d.%d@posteo.net","title":"An article","text":"%s"}', seed, sent, text)
  elseif shape == "rspamd" then
    return string.format(
      "From: reader%d.%d@posteo.net\r\nTo: site@posteo.net\r\nSubject: comment\r\nMessage-Id: <%d.%d@posteo.net>\r\n\r\n%s\r\n",
      seed, sent, seed, sent, text)
  end
  return string.format(
    '{"name":"Ann B","email":"reader%d.%d@posteo.net","text":"%s","ip":"10.%d.%d.%d","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","thread":{"url":"https://news.example/articles/%d","title":"An article"}}',
    seed, sent, text, math.random(0, 250), math.random(0, 250), math.random(0, 250), math.random(1, 200))
end

request = function()
  local body
  if per_request == 1 then
    body = one()
  else
    local all = {}
    for i = 1, per_request do all[i] = one() end
    body = '{"comments":[' .. table.concat(all, ",") .. ']}'
  end
  return wrk.format("POST", path, {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key}, body)
end

-- one line that a program can read
done = function(summary, latency)
  io.write(string.format("RESULT requests=%d seconds=%.3f non2xx=%d p50=%.3f p90=%.3f p99=%.3f max=%.3f errors=%d\n",
    summary.requests, summary.duration / 1e6, summary.errors.status, latency:percentile(50) / 1e3,
    latency:percentile(90) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
