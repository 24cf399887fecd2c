using System.Diagnostics;
using Shouldly;
using Weft.Scenarios.CommandLine;
using Weft.TestSupport;

namespace Weft.Scenarios.Transparent;

/// <summary>
/// What a program can tell of a machine: network, resolv.conf. Its namespaces have no name and no file: they belong to one process that only sleeps, and the kernel removes them, with links, addresses and
/// rules, when it and what was started in them have ended, however the test ended.
/// </summary>
internal sealed class Machine : IAsyncDisposable
{
    /// <summary>Seconds. More than the tests need: what they leave when they are killed ends by itself.</summary>
    private const string Lifetime = "300";

    private readonly Process _holder;
    private readonly List<Running> _running = [];

    private Machine(Process holder, string folder, string address) => (_holder, Folder, Address) = (holder, folder, address);

    /// <summary>Where its programs start.</summary>
    public string Folder { get; }

    public string Address { get; }

    /// <summary>A machine without a network.</summary>
    public static async Task<Machine> CreateAsync(string folder, string address)
    {
        var holder = Process.Start(new ProcessStartInfo("unshare", ["--net", "--mount", "sleep", Lifetime]) { UseShellExecute = false })!;
        var machine = new Machine(holder, Directory.CreateDirectory(folder).FullName, address);
        while (Namespace(holder.Id) == Namespace(Environment.ProcessId)) await Task.Delay(5);
        await machine.ShellAsync("ip link set lo up");
        return machine;
    }

    /// <summary>A machine on this one's bridge, which takes it for its router and its name server.</summary>
    public async Task<Machine> AttachAsync(string name, string address)
    {
        var machine = await CreateAsync(Path.Combine(Path.GetDirectoryName(Folder)!, name), address);
        await ShellAsync($"ip link add {name} type veth peer name eth0 netns {machine._holder.Id} && ip link set {name} master bridge up");
        // What a desktop has beside DNS (nss-resolve, nscd) asks the machine outside.
        await File.WriteAllTextAsync(Path.Combine(machine.Folder, "resolv.conf"), $"nameserver {Address}\n");
        await File.WriteAllTextAsync(Path.Combine(machine.Folder, "nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
        await machine.ShellAsync($"""
            ip address add {address}/24 dev eth0 && ip link set eth0 up && ip route add default via {Address}
            for file in resolv.conf nsswitch.conf; do mount --bind $file /etc/$file; done
            """);
        return machine;
    }

    /// <summary>Runs a shell's lines to their end, as root; they must succeed.</summary>
    public async Task<string> ShellAsync(string lines)
    {
        var (code, output, error) = await ToEndAsync(["sh", "-e", "-c", lines]);
        code.ShouldBe(0, $"{lines}\n{output}{error}");
        return output;
    }

    /// <summary>Runs a program to its end, as somebody who works there.</summary>
    public async Task<(int Code, string Out, string Error)> ToEndAsync(IEnumerable<string> command)
    {
        using var process = Process.Start(Info(command))!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>Starts a program that goes on.</summary>
    public Running Start(IEnumerable<string> command)
    {
        var running = new Running(Process.Start(Info(["timeout", Lifetime, .. command]))!, string.Join(' ', command));
        _running.Add(running);
        return running;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var running in Enumerable.Reverse(_running)) running.Signal("-TERM");
        foreach (var running in _running) await running.EndAsync();
        _holder.Kill();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
    }

    private ProcessStartInfo Info(IEnumerable<string> command)
    {
        // The folder is entered last: one that was opened outside has no path in here (getcwd(2): "(unreachable)").
        var start = new ProcessStartInfo("nsenter", [$"--target={_holder.Id}", "--net", "--mount", "sh", "-c", "cd \"$0\" && exec \"$@\"", Folder, .. command])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["HOME"] = Folder;
        start.Environment["WEFT_DATA"] = Folder;
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Installation.Weft)}:{start.Environment["PATH"]}:/usr/sbin:/sbin";
        foreach (var name in (string[])["WEFT_SERVER", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "grpc_proxy"]) start.Environment.Remove(name);
        return start;
    }

    private static string Namespace(int process) => File.ResolveLinkTarget($"/proc/{process}/ns/net", false)!.Name;
}
