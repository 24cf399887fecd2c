using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weft.TestSupport;

namespace Weft.Scenarios.Mesh;

/// <summary>An application that knows nothing of the mesh: it answers each path with its own name.</summary>
internal sealed class Application : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Application(WebApplication app, int port) => (_app, Port) = (app, port);

    public int Port { get; }

    public long Served { get; private set; }

    public static async Task<Application> StartAsync(string answer, int port = 0)
    {
        if (port == 0) port = Ports.Free();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port));
        var app = builder.Build();
        var application = new Application(app, port);
        app.Run(async context =>
        {
            application.Served++;
            if (context.Request.Path == "/slow")
            {
                // A long response: a line every 100 ms for as many seconds as asked.
                var lines = int.Parse(context.Request.Query["seconds"].FirstOrDefault() ?? "1") * 10;
                for (var i = 0; i < lines; i++)
                {
                    await context.Response.WriteAsync($"{i}\n", context.RequestAborted);
                    await Task.Delay(100, context.RequestAborted);
                }
                return;
            }
            await context.Response.WriteAsync(answer, context.RequestAborted);
        });
        await app.StartAsync();
        return application;
    }

    /// <summary>Ends at once, without waiting for what it serves: connections are cut as a killed process cuts them.</summary>
    public async Task KillAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationTokenSource(100).Token);
        await _app.DisposeAsync();
    }
}
