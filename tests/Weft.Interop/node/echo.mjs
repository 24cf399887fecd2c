// grpc-js and the echo service, from the packages that protos/ pins.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const protos = join(here, "../../../protos");
const require = createRequire(join(protos, "package.json"));
export const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

export const load = (file, includeDirs) =>
  grpc.loadPackageDefinition(loader.loadSync(file, { keepCase: true, longs: String, defaults: true, includeDirs }));
export const Echo = load(join(here, "../echo.proto"), []).weft.test.Echo;
export const gzip = 2;
