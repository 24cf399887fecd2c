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
    /// <exception cref="CliException">One runs already, an option cannot be, a port is taken, or the folder cannot be used.</exception>
    public static async Task<ControlPlane> StartAsync(ControlPlaneOptions options, LogLevel level, CliContext cli, CancellationToken cancel)
    {
        Check(options, cli);
        var data = new DataFolder(options.DataDirectory).Create();
        try
        {
            return await ControlPlane.StartAsync(options, Logs(level), cancel);
        }
        catch (StoreLockedException e)
        {
            throw new CliException($"{e.Message}\n`{data.Command("down", cli)}` ends a control plane that runs on this folder; --data DIR names another folder");
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new CliException(e.Message, ExitCode.Usage);
        }
        catch (Exception e) when (e is StoreCorruptException or IdentityException)
        {
            throw new CliException(e.Message);
        }
        catch (UnauthorizedAccessException e)
        {
            throw data.Unusable(e);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new CliException($"{e.Message}\n--api 127.0.0.1:0 and --xds 127.0.0.1:0 take free ports");
        }
    }

    /// <summary>What can be said before anything is started.</summary>
    /// <exception cref="CliException">One runs already, or an option cannot be.</exception>
    public static void Check(ControlPlaneOptions options, CliContext cli)
    {
        if (!IPAddress.IsLoopback(options.ApiAddress.Address))
        {
            throw new CliException(
                $"--api {options.ApiAddress}: the API has no authentication, so it listens on this machine alone\n"
                + $"use --api 127.0.0.1:{options.ApiAddress.Port} and reach it from elsewhere through a tunnel; only --xds, which proxies of other machines connect to, may be another address",
                ExitCode.Usage);
        }
        var data = new DataFolder(options.DataDirectory);
        if (RunningControl.Find(data) is { } running)
        {
            throw new CliException(
                $"a control plane runs on {data.Path} already (process {running.Process.Id}, http://{running.Api})\n`{data.Command("down", cli)}` ends it; --data DIR starts another one beside it");
        }
    }

    /// <summary>To the error stream: the output belongs to the command.</summary>
    private static ILoggerFactory Logs(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", LogLevel.Warning)
        // What the web server and its host have to say reaches the person as the exception that ends the command, in words that help.
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
        .AddFilter("Microsoft.AspNetCore", LogLevel.None)
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
        .AddSimpleConsole(line => { line.SingleLine = true; line.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ "; line.UseUtcTimestamp = true; }));
}
