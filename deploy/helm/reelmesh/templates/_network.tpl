{{/* Pods of the release, as peers of a network policy; takes {root, names}. */}}
{{- define "reelmesh.peers" -}}
{{- range .names }}
- podSelector:
    matchLabels:
      {{- include "reelmesh.selector" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* What a Pod may reach for what it uses, traces included; takes {root, uses}. */}}
{{- define "reelmesh.egress" -}}
{{- $values := .root.Values -}}
{{- $policy := $values.networkPolicy -}}
{{- $embedded := dict "nats" 4222 "postgresql" 5432 "s3" 7070 -}}
{{- range .uses }}
{{- if eq . "internet" }}
- ports:
    {{- range $policy.internet.ports }}
    - {port: {{ . }}}
    {{- end }}
  to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          {{- toYaml $policy.internet.except | nindent 10 }}
    - ipBlock:
        cidr: ::/0
        except:
          {{- toYaml $policy.internet.exceptIPv6 | nindent 10 }}
{{- else if (get $values.embedded . | default dict).enabled }}
- ports:
    - {port: {{ index $embedded . }}}
  to:
    {{- include "reelmesh.peers" (dict "root" $.root "names" (list .)) | trim | nindent 4 }}
{{- else }}
{{- include "reelmesh.destination" (index $policy.destinations .) }}
{{- end }}
{{- end }}
{{- if $values.otlpEndpoint }}
{{- include "reelmesh.destination" $policy.destinations.otlp }}
{{- end }}
{{- end -}}

{{- define "reelmesh.destination" }}
- ports:
    {{- range .ports }}
    - {port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
