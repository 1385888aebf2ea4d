{{/* Refuses values that contradict each other, before anything is installed. */}}
{{- define "reelmesh.check" -}}
{{- $values := .Values -}}
{{- $services := include "reelmesh.services" . | fromYaml -}}
{{- $keys := 0 -}}
{{- if $values.apiKeys.existingSecret }}{{ $keys = add1 $keys }}{{ end -}}
{{- if $values.apiKeys.existingClaim }}{{ $keys = add1 $keys }}{{ end -}}
{{- if $values.apiKeys.development }}{{ $keys = add1 $keys }}{{ end -}}
{{- if ne (int $keys) 1 -}}
{{- fail "Say where the API keys are by one of apiKeys.existingSecret, apiKeys.existingClaim and, for a trial, apiKeys.development." -}}
{{- end -}}
{{- $proofs := 0 -}}
{{- range list $values.nats.user $values.nats.credentials $values.nats.nkey -}}
{{- if .existingSecret }}{{ $proofs = add1 $proofs }}{{ end -}}
{{- end -}}
{{- if gt (int $proofs) 1 -}}
{{- fail "NATS is shown one proof of who calls: set one of nats.user, nats.credentials and nats.nkey." -}}
{{- end -}}
{{- if and $values.embedded.nats.enabled (or $proofs $values.nats.tls.existingSecret $values.nats.tls.first) -}}
{{- fail "The embedded NATS server asks nobody who calls, and speaks no TLS: leave nats.user, nats.credentials, nats.nkey and nats.tls alone." -}}
{{- end -}}
{{- if and $values.nats.tls.certificate (not $values.nats.tls.existingSecret) -}}
{{- fail "nats.tls.certificate is in nats.tls.existingSecret: set that, too." -}}
{{- end -}}
{{- if and $values.tls.mutual (not $values.tls.existingSecret) -}}
{{- fail "tls.mutual needs certificates: set tls.existingSecret." -}}
{{- end -}}
{{- if and $values.ingress.enabled $values.tls.public.existingSecret $values.tls.public.http (not $values.ingress.annotations) -}}
{{- fail "The ingress would call the HTTP API in the clear: set tls.public.http to false, or tell it to use TLS by ingress.annotations." -}}
{{- end -}}
{{- $operated := false -}}
{{- range $services -}}
{{- if has "kubernetes" .uses }}{{ $operated = true }}{{ end -}}
{{- end -}}
{{- range $name, $service := $services -}}
{{- if and $service.edge $values.apiKeys.development (gt (int $service.replicas) 1) -}}
{{- fail (printf "apiKeys.development gives each Pod a key of its own: set services.%s.replicas to 1." $name) -}}
{{- end -}}
{{- if and $service.data.persistence.enabled $service.edge $values.apiKeys.existingClaim -}}
{{- fail (printf "services.%s.data.persistence and apiKeys.existingClaim are the same folder: choose one." $name) -}}
{{- end -}}
{{- $leave := ternary $service.leaveSeconds 0 (or $service.edge $service.grpc) -}}
{{- if lt (int $service.terminationGracePeriodSeconds) (int (add $leave $service.drainSeconds 20)) -}}
{{- fail (printf "services.%s.terminationGracePeriodSeconds must be 20 or more above leaveSeconds and drainSeconds together, which are %v." $name (add $leave $service.drainSeconds)) -}}
{{- end -}}
{{- if and $service.pool (not $service.scaledByPool) -}}
{{- fail (printf "services.%s.pool says how it is scaled: set services.%s.scaledByPool, too." $name $name) -}}
{{- end -}}
{{- if and $service.pool (not $service.worker) (not (hasKey $service.pool "queue")) -}}
{{- fail (printf "services.%s.pool has no queue, and it is no provider's worker: for media, set pool.queue.lanes." $name) -}}
{{- end -}}
{{- if and $service.pool (not $operated) -}}
{{- fail (printf "services.%s.pool needs the operator: set services.operator.enabled." $name) -}}
{{- end -}}
{{- range $service.calls -}}
{{- if not (hasKey $services .) -}}
{{- fail (printf "services.%s calls %s, which does not run: enable services.%s." $name . .) -}}
{{- end -}}
{{- if not (index $services .).grpc -}}
{{- fail (printf "services.%s calls %s, which serves no gRPC." $name .) -}}
{{- end -}}
{{- end -}}
{{- if has "nats" $service.uses -}}
{{- if and (not $values.embedded.nats.enabled) (not $values.nats.url) (not $values.nats.existingSecret) -}}
{{- fail "Say where NATS is by nats.url or nats.existingSecret, or run one by embedded.nats.enabled." -}}
{{- end -}}
{{- end -}}
{{- if has "postgresql" $service.uses -}}
{{- if and (not $values.embedded.postgresql.enabled) (not $values.postgresql.existingSecret) -}}
{{- fail "Say where PostgreSQL is by postgresql.existingSecret, or run one by embedded.postgresql.enabled." -}}
{{- end -}}
{{- end -}}
{{- if has "s3" $service.uses -}}
{{- if and (not $values.embedded.s3.enabled) (not $values.s3.bucket) -}}
{{- fail "Say where assets are kept by s3.bucket, or run a server by embedded.s3.enabled." -}}
{{- end -}}
{{- end -}}
{{- if and $service.accountsOf (not $values.accounts.existingConfigMap) -}}
{{- $wanted := $service.accountsOf -}}
{{- $found := false -}}
{{- range $values.accounts.list -}}
{{- if eq .provider $wanted }}{{ $found = true }}{{ end -}}
{{- end -}}
{{- if not $found -}}
{{- fail (printf "services.%s would not start: accounts.list has none whose provider is %s." $name $wanted) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
