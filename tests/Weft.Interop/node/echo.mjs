// grpc-js and the echo service, from the packages that protos/ pins.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const protos = join(here, "../../../protos");
const require = createRequire(join(protos, "package.json"));
export const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

/** The packages of a .proto file; change is given every method's definition first. */
export const load = (file, includeDirs, change = () => { }) => {
  const definitions = loader.loadSync(file, { keepCase: true, longs: String, defaults: true, includeDirs });
  for (const definition of Object.values(definitions)) Object.values(definition).filter(member => member.path).forEach(change);
  return grpc.loadPackageDefinition(definitions);
};
export const Echo = load(join(here, "../echo.proto"), []).weft.test.Echo;
export const gzip = 2;
