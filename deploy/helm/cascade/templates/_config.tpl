{{/* The pod's CPUs, rounded up: of its limit, else of its request; "" without either. */}}
{{- define "cascade.cpus" -}}
{{- $resources := .Values.resources | default dict }}
{{- $cpu := default (dig "requests" "cpu" "" $resources) (dig "limits" "cpu" "" $resources) | toString }}
{{- if hasSuffix "m" $cpu }}
{{- ceil (divf (trimSuffix "m" $cpu | float64) 1000) | int }}
{{- else if $cpu }}
{{- ceil ($cpu | float64) | int }}
{{- end }}
{{- end }}

{{/* On the CPU the server would take a lane for each core of the node: it cannot see the pod's share. */}}
{{- define "cascade.lanes" -}}
{{- if gt (int .Values.gpu.count) 0 }}
{{- $lanes := list }}
{{- range $index := until (int .Values.gpu.count) }}
{{- $lanes = append $lanes (dict "device" (printf "cuda:%d" $index)) }}
{{- end }}
{{- dict "lanes" $lanes | toJson }}
{{- else }}
{{- $cpus := required "set resources.limits.cpu, resources.requests.cpu or config.lanes: the server would take a lane for each core of the node" (include "cascade.cpus" .) }}
{{- dict "lanes" (int $cpus) | toJson }}
{{- end }}
{{- end }}

{{/* The server's configuration file. */}}
{{- define "cascade.config" -}}
{{- $cascades := list }}
{{- range .Values.cascades }}
{{- $cascades = append $cascades (merge (dict "package" (default (printf "/models/%s" .name) .package)) .) }}
{{- end }}
{{- $config := deepCopy (.Values.config | default dict) }}
{{- $_ := set $config "cascades" $cascades }}
{{- $_ := set $config "max_connection_age_grace" (printf "%ds" (int .Values.termination.longestRequestSeconds)) }}
{{- if not (hasKey $config "lanes") }}
{{- $_ := merge $config (include "cascade.lanes" . | fromJson) }}
{{- end }}
{{- $config | toPrettyJson }}
{{- end }}
