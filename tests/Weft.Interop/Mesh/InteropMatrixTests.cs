using System.Text.Json;
using Shouldly;
using Xunit;

namespace Weft.Interop.Mesh;

/// <summary>
/// gRPC's interoperability cases (grpc/grpc doc/interop-test-descriptions.md) with clients and servers of others through two proxies with mutual TLS, over a
/// local port and by CONNECT. <c>WEFT_LONG=1</c> runs the soaks at their full length.
/// </summary>
public sealed class InteropMatrixTests(InteropMesh mesh, ITestOutputHelper output) : IClassFixture<InteropMesh>
{
    private sealed record Outcome(string Case, bool Ok, string Detail);

    private static readonly bool Long = Environment.GetEnvironmentVariable("WEFT_LONG") == "1";

    private static readonly string[] Cases =
    [
        "empty_unary", "large_unary", "client_compressed_unary", "server_compressed_unary", "client_streaming", "client_compressed_streaming", "server_streaming",
        "server_compressed_streaming", "ping_pong", "empty_stream", "custom_metadata", "status_code_and_message", "special_status_message", "unimplemented_method",
        "unimplemented_service", "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server", Long ? "rpc_soak=1000" : "rpc_soak=100",
        Long ? "channel_soak=100" : "channel_soak=10", Long ? "concurrent_large_unary=1000" : "concurrent_large_unary=200", "concurrent_streams=1000",
    ];

    [Theory]
    [InlineData("grpcio", "grpcio", false)]
    [InlineData("grpcio", "grpcio", true)]
    [InlineData("grpcio", "grpc-js", false)]
    [InlineData("grpcio", "grpc-js", true)]
    [InlineData("grpc-js", "grpcio", false)]
    [InlineData("grpc-js", "grpcio", true)]
    [InlineData("grpc-js", "grpc-js", false)]
    [InlineData("grpc-js", "grpc-js", true)]
    public async Task Every_case_passes(string client, string server, bool byConnect)
    {
        await mesh.StartAsync();
        var outcomes = await RunAsync(client, server, byConnect);
        output.WriteLine($"{client} to {server}{(byConnect ? " by CONNECT" : "")}: {outcomes.Count(outcome => outcome.Ok)} of {outcomes.Count} pass");
        foreach (var outcome in outcomes) output.WriteLine($"  {(outcome.Ok ? "ok    " : "FAILED")} {outcome.Case}: {outcome.Detail}");
        outcomes.Where(outcome => !outcome.Ok).ShouldBeEmpty();
    }

    private async Task<List<Outcome>> RunAsync(string client, string server, bool byConnect)
    {
        using var peer = mesh.Run(client, server, byConnect, Cases);
        var outcomes = new List<Outcome>();
        foreach (var name in Cases.Select(one => one.Split('=')[0]))
        {
            try
            {
                outcomes.Add(await peer.ReadLineAsync() is { } line
                    ? JsonSerializer.Deserialize<Outcome>(line, JsonSerializerOptions.Web)! : new Outcome(name, false, "the client has ended"));
            }
            catch (TimeoutException)
            {
                outcomes.Add(new Outcome(name, false, "no result in time; nothing after it was run"));
                break;
            }
        }
        return outcomes;
    }
}
