{{/* What the schema cannot say: values that must fit together. */}}
{{- define "cascade.checks" -}}
{{- with .Values.termination }}
{{- if lt (int .drainTimeoutSeconds) (int .longestRequestSeconds) }}
{{- fail (printf "termination.drainTimeoutSeconds is %d, but a request may take termination.longestRequestSeconds = %d: it would be cut off" (int .drainTimeoutSeconds) (int .longestRequestSeconds)) }}
{{- end }}
{{- $least := add (int .preStopSeconds) (int .drainTimeoutSeconds) 10 }}
{{- if lt (int .gracePeriodSeconds) (int $least) }}
{{- fail (printf "termination.gracePeriodSeconds is %d, but preStopSeconds + drainTimeoutSeconds + 10 = %d: the pod would be killed while it drains" (int .gracePeriodSeconds) (int $least)) }}
{{- end }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
{{- fail (printf "autoscaling.minReplicas is %d, more than maxReplicas = %d" (int .minReplicas) (int .maxReplicas)) }}
{{- end }}
{{- end }}
{{- with .Values.updateStrategy }}
{{- if and (eq (toString .maxSurge | trimSuffix "%") "0") (eq (toString .maxUnavailable | trimSuffix "%") "0") }}
{{- fail "updateStrategy.maxSurge and maxUnavailable are both 0: no pod could ever be replaced" }}
{{- end }}
{{- end }}
{{- with .Values.models }}
{{- if and (eq .source "volumeClaim") (not .volumeClaim.name) }}
{{- fail "models.source is volumeClaim: set models.volumeClaim.name" }}
{{- end }}
{{- if and (has .source (list "imageVolume" "copy")) (not .image.reference) }}
{{- fail (printf "models.source is %s: set models.image.reference" .source) }}
{{- end }}
{{- end }}
{{- $names := list }}
{{- range .Values.cascades }}
{{- if has .name $names }}
{{- fail (printf "cascades: %s is there twice" .name) }}
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- if and .Values.grpcRoute.enabled (not .Values.grpcRoute.parentRefs) }}
{{- fail "grpcRoute.enabled: set grpcRoute.parentRefs" }}
{{- end }}
{{- end }}
