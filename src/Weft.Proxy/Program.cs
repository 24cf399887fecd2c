using System.Runtime.InteropServices;
using Weft.Proxy.Configuration;
using Weft.Proxy.Hosting;

namespace Weft.Proxy;

/// <summary>The `weft-proxy` executable. Exit codes: 0 ended as asked, 1 could not start or the identity was refused, 2 the command line is wrong.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        // Opened now: the first use takes a descriptor, and when the first thing to say is that there are none left it must not end the process.
        _ = Console.Error;
        if (!CommandLine.TryParse(args, out var options, out var error))
        {
            await Console.Error.WriteLineAsync(error).ConfigureAwait(false);
            return options is null && error == CommandLine.Help ? 0 : 2;
        }
        using var stop = new CancellationTokenSource();
        using var hurry = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask);
        try
        {
            await using var host = new ProxyHost(options!, TimeProvider.System, Say);
            await host.RunAsync(stop.Token, hurry.Token).ConfigureAwait(false);
            return 0;
        }
        catch (BootstrapException e)
        {
            foreach (var line in e.Errors) Say(line);
            return 1;
        }
        catch (Exception e) when (e is Identity.IdentityException or IOException or System.Net.Sockets.SocketException)
        {
            Say(e.Message);
            return 1;
        }

        void Ask(PosixSignalContext context)
        {
            context.Cancel = true;
            // The second one means it: a person who presses Ctrl-C twice, or a supervisor that has waited long enough.
            (stop.IsCancellationRequested ? hurry : stop).Cancel();
        }
    }

    /// <summary>Never throws: a log that cannot be written (a full disk behind it) is no reason to stop serving, and the caller may be a worker.</summary>
    private static void Say(string line)
    {
        try
        {
            Console.Error.WriteLine($"weft-proxy: {line}");
        }
        catch (IOException)
        {
            // There is nobody to tell.
        }
    }
}
