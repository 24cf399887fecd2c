// testing.proto for grpc-js. The library hides which messages were compressed and cannot compress a server's answers: both are added here, below the
// application and above the wire.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { grpc, load, protos } from "./echo.mjs";

const require = createRequire(join(protos, "package.json"));
const inside = name => require(join(dirname(require.resolve("@grpc/grpc-js")), name));
export { grpc };
export const options = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

const marked = Symbol("compressed");
const mark = (buffer, flag) => Object.assign(buffer, { [marked]: flag === 1 });

const serverCall = inside("server-interceptors.js").BaseServerInterceptingCall.prototype;
const { decompressMessage, serializeMessage } = serverCall;
serverCall.decompressMessage = async function (message, encoding) {
  return mark(Buffer.from(await decompressMessage.call(this, message, encoding)), message[0]);
};
serverCall.serializeMessage = function (value) {
  const framed = serializeMessage.call(this, value);
  if (!value.compress) return framed;
  const packed = gzipSync(framed.subarray(5));
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(packed.length, 1);
  return Buffer.concat([head, packed]);
};

const clientFilter = inside("compression-filter.js").CompressionFilter.prototype;
const { receiveMessage } = clientFilter;
clientFilter.receiveMessage = async function (message) {
  const framed = await message;
  return mark(Buffer.from(await receiveMessage.call(this, framed)), framed[0]);
};

// Every message that is read says whether it was compressed.
const tell = method => {
  for (const side of ["requestDeserialize", "responseDeserialize"]) {
    const read = method[side];
    method[side] = buffer => Object.assign(read(buffer), { compressed: buffer[marked] });
  }
};
export const { TestService, UnimplementedService, Observer } =
  load(join(dirname(fileURLToPath(import.meta.url)), "../testing.proto"), [], tell).grpc.testing;
