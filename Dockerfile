# One image for all of Oarlock. tini is PID 1: slots that outlive their worker are re-parented to it, and it must reap them.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends tini python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/manifests ./manifests
RUN ln -s /app/dist/cli/main.js /usr/local/bin/oarlock && install -d -o node -g node -m 0700 /state
USER node
ENV OARLOCK_STATE=/state
VOLUME /state
ENTRYPOINT ["tini", "--", "oarlock"]
CMD ["up", "--workers", "2"]
