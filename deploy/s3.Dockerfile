# The object store of docker-compose.yml's profile `s3`. Not built: where this was made there is no container engine.
FROM versity/versitygw:v1.8.0

# A folder is a bucket. A new volume takes both, and their owner, over from the image: the store need not run as root.
RUN mkdir -p /srv/objects/warehouse && chown -R 10001:10001 /srv/objects
USER 10001:10001
VOLUME ["/srv/objects"]
