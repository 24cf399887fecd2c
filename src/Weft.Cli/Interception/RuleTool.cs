using System.Diagnostics;
using Weft.Cli.Processes;

namespace Weft.Cli.Interception;

/// <summary>A program that reads and writes the kernel's rules: nft, iptables-save and their like.</summary>
/// <param name="Path">Its whole path.</param>
public sealed record RuleTool(string Path)
{
    /// <summary>Folders that hold such programs and are not on every person's PATH.</summary>
    private static readonly string[] s_administration = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

    /// <summary>The program of that name, or null.</summary>
    public static RuleTool? Find(string name, Func<string, string?> environment) =>
        (environment("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(s_administration)
            .Select(folder => System.IO.Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } path ? new RuleTool(path) : null;

    /// <summary>Runs it in a namespace to its end.</summary>
    /// <param name="input">What it reads.</param>
    public async Task<(int Code, string Out, string Error)> TryAsync(NetworkNamespace place, IEnumerable<string> arguments, string input = "")
    {
        // The child enters the namespace, between fork and exec: done here, this thread would be the one that is elsewhere.
        string[] command = place.Path.Length == 0
            ? [Path, .. arguments]
            : [Environment.ProcessPath!, .. ChildStub.Arguments(new ChildTraits(DeathSignal: 0, NetworkNamespace: place.Path), Path, arguments)];
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading, and says why below.
        }
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    /// <summary>The same, where failing is not expected.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="CliException">It failed, with what it said.</exception>
    public async Task<string> RunAsync(NetworkNamespace place, IEnumerable<string> arguments, string input = "")
    {
        var (code, output, error) = await TryAsync(place, arguments, input);
        return code == 0 ? output : throw new CliException($"{Path} failed with {code}: {error.Trim()}");
    }
}
