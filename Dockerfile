FROM node:20-slim
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && mkdir -p .rota store && chown -R node:node .rota store
USER node
ENTRYPOINT ["node", "dist/cli/main.js"]
