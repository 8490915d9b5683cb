{{/* Where /models comes from: an entry of the pod's volumes. */}}
{{- define "cascade.modelsVolume" -}}
{{- with .Values.models }}
{{- if eq .source "volumeClaim" }}
- name: models
  persistentVolumeClaim:
    claimName: {{ .volumeClaim.name }}
    readOnly: true
{{- else if eq .source "imageVolume" }}
- name: models
  image:
    reference: {{ .image.reference }}
    pullPolicy: {{ .image.pullPolicy }}
{{- else if eq .source "copy" }}
- name: models
  emptyDir:
    sizeLimit: {{ .copy.sizeLimit }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cascade.modelsMount" -}}
{{- with .Values.models }}
{{- if ne .source "bakedIn" }}
- name: models
  mountPath: /models
  readOnly: true
  {{- if and (eq .source "volumeClaim") .volumeClaim.subPath }}
  subPath: {{ .volumeClaim.subPath }}
  {{- else if eq .source "imageVolume" }}
  {{- with .image.path | trimPrefix "/" }}
  subPath: {{ . }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
