// usage: node ads.mjs ADDRESS: an incremental ADS client on grpc-js that does what it reads. Each line of standard input is a command as JSON:
//   {"open": true}, {"send": {request}}, {"close": true}; each response is printed as one JSON line, and the end of a stream as {"status": code}.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { grpc, load, protos } from "./echo.mjs";

const deps = join(protos, "node_modules/@grpc/grpc-js-xds/deps");
const ads = load("envoy/service/discovery/v3/ads.proto",
  ["envoy-api", "xds", "googleapis", "protoc-gen-validate"].map(d => join(deps, d))).envoy.service.discovery.v3;
const client = new ads.AggregatedDiscoveryService(process.argv[2], grpc.credentials.createInsecure());
let stream;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.open) {
    stream = client.DeltaAggregatedResources();
    stream.on("data", r => console.log(JSON.stringify({
      type_url: r.type_url, nonce: r.nonce, removed: r.removed_resources,
      resources: r.resources.map(x => ({ name: x.name, version: x.version, type_url: x.resource.type_url, value: x.resource.value.toString() })),
    })));
    stream.on("error", () => { });
    stream.on("status", status => console.log(JSON.stringify({ status: status.code })));
  } else if (command.send) {
    stream.write(command.send);
  } else if (command.close) {
    stream.cancel();
  }
}
client.close();
