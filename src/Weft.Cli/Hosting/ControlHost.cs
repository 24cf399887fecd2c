using System.Net;
using Microsoft.Extensions.Logging;
using Weft.Cli.Connecting;
using Weft.Control;
using Weft.Control.Store;
using Weft.Identity;

namespace Weft.Cli.Hosting;

/// <summary>A control plane inside this process; what keeps it from starting is said in words that help.</summary>
internal static class ControlHost
{
    /// <exception cref="CliException">One runs already, a port is taken, or the folder cannot be used.</exception>
    public static async Task<ControlPlane> StartAsync(ControlPlaneOptions options, LogLevel level, CancellationToken cancel)
    {
        RequireNoneRuns(new DataFolder(options.DataDirectory));
        try
        {
            return await ControlPlane.StartAsync(options, Logs(level), cancel);
        }
        catch (StoreLockedException e)
        {
            throw new CliException($"{e.Message}\n`{CliContext.CommandName} down` ends a control plane that runs on this folder; --data DIR names another folder");
        }
        catch (Exception e) when (e is StoreCorruptException or IdentityException)
        {
            throw new CliException(e.Message);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new CliException($"{e.Message}\n--api 127.0.0.1:0 and --xds 127.0.0.1:0 take free ports");
        }
    }

    /// <exception cref="CliException">One runs.</exception>
    public static void RequireNoneRuns(DataFolder data)
    {
        if (RunningControl.Find(data) is { } running)
            throw new CliException($"a control plane runs on {data.Path} already (process {running.Process.Id}, http://{running.Api})\n`{CliContext.CommandName} down` ends it; --data DIR starts another one beside it");
    }

    /// <summary>To the error stream: the output belongs to the command.</summary>
    private static ILoggerFactory Logs(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
        .AddSimpleConsole(line => { line.SingleLine = true; line.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ "; line.UseUtcTimestamp = true; }));
}
