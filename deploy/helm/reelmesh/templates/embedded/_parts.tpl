{{- define "reelmesh.natsConfig" -}}
listen: "0.0.0.0:4222"
jetstream {
  store_dir: "/data"
  max_file_store: 3G
  sync_interval: always
}
{{- end -}}

{{- define "reelmesh.embedded.nats" -}}
args: [--config, /etc/reelmesh/nats.conf]
{{- end -}}

{{- define "reelmesh.embedded.postgresql" -}}
env:
  - {name: POSTGRES_USER, value: reelmesh}
  - {name: POSTGRES_DB, value: reelmesh}
  # A folder of its own in the volume: initdb wants an empty one.
  - {name: PGDATA, value: /data/postgresql}
  - name: POSTGRES_PASSWORD
    {{- include "reelmesh.fromSecret" (dict "name" .secret "key" "password") | nindent 4 }}
{{- end -}}

{{- define "reelmesh.embedded.s3" -}}
args: [--port, ":7070", posix, --sidecar, /data/metadata, /data/buckets]
env:
  - name: ROOT_ACCESS_KEY
    {{- include "reelmesh.fromSecret" (dict "name" .secret "key" "s3-access-key-id") | nindent 4 }}
  - name: ROOT_SECRET_KEY
    {{- include "reelmesh.fromSecret" (dict "name" .secret "key" "s3-secret-access-key") | nindent 4 }}
{{- end -}}
