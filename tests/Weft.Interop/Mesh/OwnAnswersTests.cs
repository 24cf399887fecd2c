using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Shouldly;
using Weft.Grpc;
using Weft.TestSupport;
using Xunit;

namespace Weft.Interop.Mesh;

/// <summary>What the clients of others make of answers that a proxy gives instead of the workload: gRPC's status, and the proxy's sentence as its message.</summary>
public sealed class OwnAnswersTests(InteropMesh mesh, ITestOutputHelper output) : IClassFixture<InteropMesh>
{
    private sealed record Answer(int Code, string Details);

    private sealed record Outcome(string Case, bool Ok, string Detail);

    [Theory]
    [InlineData("grpcio")]
    [InlineData("grpc-js")]
    public async Task A_fault_is_a_status_with_a_sentence(string client)
    {
        await mesh.StartAsync();
        using var rude = new RudeServer();
        await mesh.Mesh.AddAsync($"rude-{client}", rude.Port);
        await mesh.Mesh.AddAsync($"dead-{client}", Ports.Free());
        await mesh.Mesh.ApplyAsync($$"""
            apiVersion: v1
            kind: Service
            metadata: {name: empty-{{client}}, namespace: default}
            spec: {selector: {app: nobody}, ports: [{name: http, port: 80}]}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: routed-{{client}}, namespace: default}
            spec: {selector: {app: nobody}, ports: [{name: http, port: 80}]}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: routed-{{client}}, namespace: default}
            spec:
              parentRefs: [{group: "", kind: Service, name: routed-{{client}} } ]
              rules: [{matches: [{path: {type: PathPrefix, value: /elsewhere} } ], backendRefs: [{name: routed-{{client}}, port: 80} ] } ]
            """);

        await Expect(client, "routed", GrpcStatusCode.Unimplemented, "no-route: ");
        await Expect(client, "empty", GrpcStatusCode.Unavailable, "no-endpoint: ");
        await Expect(client, "dead", GrpcStatusCode.Unavailable, "connect-failure: ", "unprocessed: ");
        await Expect(client, "rude", GrpcStatusCode.Unavailable, "upstream-reset: ", "upstream-closed: ");
    }

    [Theory]
    [InlineData("grpcio", "grpcio")]
    [InlineData("grpc-js", "grpc-js")]
    public async Task A_server_that_dies_inside_a_stream_fails_that_call_and_serves_again_when_it_is_back(string client, string server)
    {
        await mesh.StartAsync();
        using (var peer = mesh.Run(client, server, byConnect: true, "server_dies"))
            Read<Outcome>(await peer.ReadLineAsync()).ShouldSatisfyAllConditions(outcome => outcome.Ok.ShouldBeTrue(outcome.Detail));
        await mesh.ServeAsync(server);
        using var again = mesh.Run(client, server, byConnect: true, "empty_unary", "ping_pong");
        for (var i = 0; i < 2; i++) Read<Outcome>(await again.ReadLineAsync()).ShouldSatisfyAllConditions(outcome => outcome.Ok.ShouldBeTrue($"{outcome}"));
    }

    private async Task Expect(string client, string service, GrpcStatusCode code, params string[] beginnings)
    {
        using var peer = mesh.Run(client, $"{service}-{client}", byConnect: true, "status=/grpc.testing.TestService/UnaryCall");
        var answer = Read<Answer>(await peer.ReadLineAsync());
        output.WriteLine($"{client} calls {service}: {(GrpcStatusCode)answer.Code}: {answer.Details}");
        ((GrpcStatusCode)answer.Code).ShouldBe(code, answer.Details);
        beginnings.ShouldContain(beginning => answer.Details.StartsWith(beginning, StringComparison.Ordinal), answer.Details);
    }

    private static T Read<T>(string? line) => JsonSerializer.Deserialize<T>(line.ShouldNotBeNull("the client has ended"), JsonSerializerOptions.Web)!;

    /// <summary>Accepts, reads a little, and resets.</summary>
    private sealed class RudeServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public RudeServer()
        {
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _ = AcceptAsync();
        }

        public int Port { get; }

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    using var socket = await _listener.AcceptSocketAsync();
                    await socket.ReceiveAsync(new byte[1]);
                    socket.LingerState = new LingerOption(true, 0);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // the test is over
            }
        }
    }
}
