using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>The program that runs in the mesh and need not know it.</summary>
public static class Application
{
    /// <summary>The whole path of a command, as the shell would find it.</summary>
    /// <exception cref="CliException">127 when it is not there, 126 when it is a folder.</exception>
    public static string Find(string command, Func<string, string?> environment)
    {
        if (command.Contains('/', StringComparison.Ordinal))
        {
            if (Directory.Exists(command)) throw new CliException($"{command}: is a folder", ExitCode.CannotExecute);
            return File.Exists(command) ? command : throw new CliException($"{command}: no such file", ExitCode.NotFound);
        }
        return (environment("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, command)).FirstOrDefault(File.Exists)
            ?? throw new CliException($"{command}: command not found", ExitCode.NotFound);
    }

    /// <summary>Starts it with this process's terminal and streams, and calls to other services led through the sidecar.</summary>
    /// <param name="place">Its own network namespace; null for the machine's.</param>
    public static Task<ChildProcess> StartAsync(RunOptions options, string program, SidecarPorts ports, ApplicationNamespace? place) =>
        ChildProcess.StartAsync(program, options.Command.Skip(1), new ChildTraits(Libc.SIGKILL, NetworkNamespace: place?.Path ?? ""), Variables(options, ports));

    /// <summary>Both spellings of http_proxy: curl reads the lower-case one only, others the upper-case one. No exceptions: a service on this machine
    /// is as much a part of the mesh as any other. https_proxy stays as it is: TLS that the application makes is its own affair.</summary>
    internal static IReadOnlyDictionary<string, string?> Variables(RunOptions options, SidecarPorts ports)
    {
        // Intercepted connections need no proxy, and one of the machine's would be asked to find names that only the mesh knows.
        var proxy = options.Transparent ? null : string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ports.Outbound}");
        var variables = new Dictionary<string, string?>
        {
            ["http_proxy"] = proxy, ["HTTP_PROXY"] = proxy, ["no_proxy"] = null, ["NO_PROXY"] = null,
            [CliContext.CommandVariable] = null, // what the script told this program is not the application's
        };
        if (options.Port is { } port) variables["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        return variables;
    }

    /// <summary>True when something listens on the port on the machine's loopback.</summary>
    public static async Task<bool> ListensAsync(int port, CancellationToken cancel)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
