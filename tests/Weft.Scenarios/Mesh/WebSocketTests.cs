using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>WebSocket with clients and servers that are not ours, through two weft-proxy processes with mutual TLS.</summary>
public sealed class WebSocketTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_that_comes_by_CONNECT_talks_to_a_server_behind_another_proxy()
    {
        await using var server = await EchoServer.StartAsync();
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("chat", server.Port);
        var sidecar = await mesh.AddAsync("storefront", 0);
        using var client = new ClientWebSocket();
        client.Options.Proxy = new WebProxy($"http://127.0.0.1:{sidecar.Outbound}");
        client.Options.AddSubProtocol("echo.v1");
        await client.ConnectAsync(new Uri("ws://chat/room"), Stop);
        client.SubProtocol.ShouldBe("echo.v1");

        var block = new byte[1 << 20];
        foreach (var size in new[] { 1, 125, 126, 70_000, 1 << 20 })
        {
            var message = new byte[size];
            Random.Shared.NextBytes(message);
            await client.SendAsync(message, WebSocketMessageType.Binary, true, Stop);
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await client.ReceiveAsync(block.AsMemory(length), Stop);
                length += part.Count;
            }
            while (!part.EndOfMessage);
            block.AsSpan(0, length).SequenceEqual(message).ShouldBeTrue($"{size} bytes came back as they went");
        }
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "enough", Stop);
        (client.CloseStatus, client.CloseStatusDescription).ShouldBe((WebSocketCloseStatus.NormalClosure, "enough"));
    }

    [Fact]
    public async Task Python_talks_to_Python()
    {
        if (Tool.Find("python3") is null || !await PythonAsync("import websockets"))
        {
            if (Environment.GetEnvironmentVariable("WEFT_REQUIRE_TOOLS") == "1") Assert.Fail("needs websockets: apt-get install python3-websockets");
            Assert.Skip("needs websockets: apt-get install python3-websockets");
        }
        var port = Ports.Free();
        using var server = Python($$"""
            import asyncio, websockets
            async def echo(ws):
                async for message in ws: await ws.send(message)
            async def main():
                async with websockets.serve(echo, "127.0.0.1", {{port}}): await asyncio.Future()
            asyncio.run(main())
            """);
        try
        {
            await using var mesh = await MeshUnderTest.StartAsync();
            await mesh.AddAsync("chat", port);
            var sidecar = await mesh.AddAsync("storefront", 0);
            using var client = Python($$"""
                import asyncio, websockets
                async def main():
                    async with websockets.connect("ws://chat/room", host="127.0.0.1", port={{sidecar.Outbound}}) as ws:
                        for size in (1, 1000, 200000):
                            await ws.send("x" * size)
                            assert await ws.recv() == "x" * size
                        await (await ws.ping())
                    assert ws.close_code == 1000, ws.close_code
                    print("done")
                asyncio.run(main())
                """);
            var output = await client.StandardOutput.ReadToEndAsync(Stop);
            output.Trim().ShouldBe("done", await client.StandardError.ReadToEndAsync(Stop));
        }
        finally
        {
            server.Kill();
        }
    }

    private static async Task<bool> PythonAsync(string code)
    {
        using var process = Python(code);
        await process.WaitForExitAsync(Stop);
        return process.ExitCode == 0;
    }

    private static Process Python(string code) => Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", code])
    {
        RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
    })!;

    /// <summary>ASP.NET Core's WebSocket server.</summary>
    private sealed class EchoServer : IAsyncDisposable
    {
        private readonly WebApplication _app;

        private EchoServer(WebApplication app, int port) => (_app, Port) = (app, port);

        public int Port { get; }

        public static async Task<EchoServer> StartAsync()
        {
            var port = Ports.Free();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port));
            var app = builder.Build();
            app.UseWebSockets();
            app.Run(async context =>
            {
                using var socket = await context.WebSockets.AcceptWebSocketAsync("echo.v1");
                var block = new byte[16 << 10];
                while (await socket.ReceiveAsync(block.AsMemory(), context.RequestAborted) is var part && part.MessageType != WebSocketMessageType.Close)
                    await socket.SendAsync(block.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, context.RequestAborted);
                await socket.CloseAsync(socket.CloseStatus!.Value, socket.CloseStatusDescription, context.RequestAborted);
            });
            await app.StartAsync();
            return new EchoServer(app, port);
        }

        public async ValueTask DisposeAsync()
        {
            await _app.StopAsync(new CancellationTokenSource(100).Token);
            await _app.DisposeAsync();
        }
    }
}
