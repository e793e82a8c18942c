# Turns an OpenAPI 3.0 document with resolved references into the JSON Schemas of what its calls take.
#
#   jq -f trim-openapi.jq DOCUMENT --args 'GET /user' 'POST /repos/{owner}/{repo}/issues' …
#
# Without --args every call is taken. Out comes {"info": …, "calls": {"METHOD PATH": {"query": schema, "body": schema or null}}}.
# A call that is written as '+GET /…' also gets the schema of its successful answer, as "answer"; GitHub Apps are left out of it.

# Only what is checked stays: no descriptions, examples or titles; `nullable` becomes a type of its own.
def trim:
  if type == "array" then map(trim)
  elif type == "object" then
    (.nullable // false) as $nullable
    | with_entries(select(.key | IN("type", "properties", "required", "items", "enum", "format", "minimum", "maximum",
        "minLength", "maxLength", "minItems", "maxItems", "pattern", "oneOf", "anyOf", "allOf", "additionalProperties")))
    | if (.properties | type) == "object" then .properties |= map_values(trim) else . end
    | reduce ("items", "oneOf", "anyOf", "allOf") as $k (.; if has($k) then .[$k] |= trim else . end)
    # A property that the document does not name is a mistake of the caller.
    | if .type == "object" and has("properties") and (has("additionalProperties") | not) then .additionalProperties = false else . end
    | if $nullable | not then .
      elif has("type") then .type |= [., "null"] | if has("enum") then .enum += [null] else . end
      else {anyOf: [., {type: "null"}]} end
  else . end;

def query:
  [(.parameters // [])[] | select(.in == "query")] as $all
  | {type: "object",
     properties: ($all | map({(.name): (.schema | trim)}) | add // {}),
     required: ($all | map(select(.required == true) | .name)),
     additionalProperties: false};

# An App that acted is large, and optional everywhere.
def without_app: walk(if type == "object" then del(.performed_via_github_app) else . end);

($ARGS.positional | map(ltrimstr("+"))) as $wanted
| [$ARGS.positional[] | select(startswith("+")) | ltrimstr("+")] as $answered
| {info: (.info | {title, version}),
   calls: ([.paths | to_entries[] | .key as $path | .value | to_entries[]
            | select(.key | IN("get", "post", "patch", "put", "delete"))
            | ((.key | ascii_upcase) + " " + $path) as $call
            | select(($wanted | length) == 0 or any($wanted[]; . == $call))
            | {($call): ({query: (.value | query),
                         body: ((.value.requestBody.content // {})["application/json"].schema // null | if . then trim else null end)}
                        + (if any($answered[]; . == $call)
                           then {answer: (.value.responses["200"].content["application/json"].schema | without_app | trim)}
                           else {} end))}]
           | add)}
