using System.Diagnostics;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Interception;

/// <summary>
/// A network namespace of the test's own, as an application gets it that is intercepted: nothing but a loopback interface, on which every address there is arrives, and redirect rules.
/// The machine's own rules and addresses are never touched. Needs root.
/// </summary>
internal sealed class TestNamespace : IDisposable
{
    private readonly string _ip;
    private readonly string _name = $"weft-test-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";

    public TestNamespace()
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: network namespaces");
        _ip = Tool.Require("ip", "iproute2");
        Add();
    }

    private void Add()
    {
        Run(_ip, ["netns", "add", _name]);
        try
        {
            Run(_ip, ["-n", _name, "link", "set", "lo", "up"]);
            Run(_ip, ["-n", _name, "route", "add", "local", "default", "dev", "lo"]);
            Run(_ip, ["-n", _name, "-6", "route", "add", "local", "default", "dev", "lo"]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A new namespace takes the path of this one.</summary>
    public void Replace()
    {
        Dispose();
        Add();
    }

    public string Path => $"/run/netns/{_name}";

    /// <summary>Every connection made inside goes to <paramref name="port"/> instead, but those to the port itself.</summary>
    public void RedirectTo(int port) => Run(_ip, ["netns", "exec", _name, Tool.Require("nft", "nftables"), "-f", "-"], $$"""
        table inet weft {
          chain output {
            type nat hook output priority -100;
            tcp dport != {{port}} redirect to :{{port}}
          }
        }
        """);

    /// <summary>From now on nothing arrives that comes from <paramref name="port"/> or goes to it: each side has vanished for the other without a word. Dropped where it comes in, as by a
    /// broken wire: what is dropped on its way out the kernel knows never to have left.</summary>
    public void Silence(int port) => Run(_ip, ["netns", "exec", _name, Tool.Require("nft", "nftables"), "-f", "-"], $$"""
        table inet silence {
          chain input {
            type filter hook input priority 0;
            tcp dport {{port}} drop
            tcp sport {{port}} drop
          }
        }
        """);

    /// <summary>Runs a program inside, for at most 20 s.</summary>
    /// <returns>What it printed, and how it ended.</returns>
    public async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, output + await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    public Process Start(string program, params string[] arguments) => Process.Start(
        new ProcessStartInfo(_ip, ["netns", "exec", _name, program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, RedirectStandardInput = true })!;

    public void Dispose() => Run(_ip, ["netns", "del", _name]);

    private static void Run(string program, string[] arguments, string input = "")
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardError = true })!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', arguments)}: {error}");
    }
}
