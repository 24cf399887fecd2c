using System.Text.Json;
using Shouldly;
using Weft.Grpc;
using Weft.Grpc.Tests.Hosting;
using Weft.Interop.Hosting;
using Xunit;

namespace Weft.Interop.Grpc;

/// <summary>Weft's gRPC server under the clients of others.</summary>
public sealed class ServerTests
{
    private sealed record Outcome(string Name, int Code, string Details, string Value);

    private static readonly Outcome[] Expected =
    [
        new("hello", 0, "", "hello wörld"),
        new("empty", 0, "", ""),
        new("status", 7, "nö: 100%\nno", ""),
        new("deadline", 4, "*", ""),
        new("metadata", 0, "", "Bearer t"),
        new("large", 0, "", "3000000"),
        new("too large", 8, "a message * is over MaxMessageBytes (4194304 bytes)", ""),
        new("unknown method", 12, "unknown method /weft.test.Echo/Nothing", ""),
        new("talk", 0, "*", "100:100"),
        new("push", 0, "*", "5000:5000"),
        new("late status", 9, "not now", "1:one"),
        new("cancel", 1, "*", "1:one"),
    ];

    [Theory]
    [InlineData("node/client.mjs", GrpcEncoding.Identity)]
    [InlineData("node/client.mjs", GrpcEncoding.Gzip)]
    [InlineData("python/client.py", GrpcEncoding.Identity)]
    [InlineData("python/client.py", GrpcEncoding.Gzip)]
    public async Task Every_case_ends_as_the_protocol_says(string client, GrpcEncoding encoding)
    {
        await using var server = await TestServer.StartAsync(EchoService.Create(encoding));
        using var peer = Peer.Start(client, server.Address.Authority, encoding.Name());
        foreach (var expected in Expected)
        {
            var line = await peer.ReadLineAsync();
            var actual = JsonSerializer.Deserialize<Outcome>(line.ShouldNotBeNull($"{client} ended before '{expected.Name}'"), JsonSerializerOptions.Web)!;
            // A star stands for the library's own words.
            var stars = expected.Details.Split('*');
            actual.Details.ShouldStartWith(stars[0], customMessage: expected.Name);
            actual.Details.ShouldEndWith(stars[^1], customMessage: expected.Name);
            (actual with { Details = expected.Details }).ShouldBe(expected);
        }
        (await peer.ReadLineAsync()).ShouldBeNull();
    }
}
