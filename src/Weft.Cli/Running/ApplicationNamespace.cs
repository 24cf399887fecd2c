using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Weft.Cli.Interception;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>
/// The network namespace of one application under <c>weft run --transparent</c>: loopback is all there is, and rules lead what the application says to the sidecar, which stays in the
/// machine's namespace and only has its listening sockets here. It has no name and no mount: the kernel removes it, with its rules, when this process, the application and
/// the sidecar's sockets are gone, however they went.
/// </summary>
public sealed class ApplicationNamespace : IAsyncDisposable
{
    /// <summary>The namespace has no other user, so the ports are free. TCP; UDP and TCP for names.</summary>
    public static RedirectPlan Plan { get; } = new() { Names = NameRedirect.Everything(RedirectPlan.DefaultNamesPort) };

    private readonly int _descriptor;
    private NamespaceReaper? _reaper;

    private ApplicationNamespace(int descriptor) => _descriptor = descriptor;

    /// <summary>Opens the namespace in any process that may see this one's descriptors. It is there before the application is: the sidecar opens its listeners first.</summary>
    public string Path => string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{_descriptor}");

    /// <summary>Makes it, with its route and its rules.</summary>
    /// <exception cref="CliException">Not permitted, or neither nft nor iptables is there.</exception>
    public static async Task<ApplicationNamespace> CreateAsync(CliContext cli)
    {
        Capabilities.Require("weft run --transparent", entersNamespace: true);
        var place = new ApplicationNamespace(Unshare());
        try
        {
            place._reaper = await NamespaceReaper.StartAsync(place.Path);
            await RedirectRules.Available(new NetworkNamespace(place.Path), tool: null, cli.Environment)[0].InstallAsync(Plan);
            return place;
        }
        catch
        {
            await place.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the sidecar does not listen on yet, of what the rules lead to; null when it is all there.</summary>
    public string? Missing() => RedirectTarget.Of(Plan, Listening()).FirstOrDefault(t => !t.IsServed)?.Warning;

    /// <summary>True when the application takes connections to the port where the sidecar makes them, at 127.0.0.1.</summary>
    public bool Listens(int port) => Listening().Any(s => s.Port == port && !s.IsUdp && s.TakesLocal(AddressFamily.InterNetwork));

    /// <summary>Ends what the application has left running there, and lets go of it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_reaper is not null) await _reaper.DisposeAsync();
        _ = Libc.Close(_descriptor);
    }

    private IReadOnlyList<ListeningSocket> Listening() => new NetworkNamespace(Path).Look(() => ListeningSockets.Of("/proc/thread-self/net"));

    /// <summary>On a thread of its own, which ends in the namespace: no thread of this process that does anything else may ever be there.</summary>
    private static int Unshare()
    {
        var descriptor = -1;
        var failure = "";
        var thread = new Thread(() =>
        {
            try
            {
                if (Libc.Unshare(Libc.CLONE_NEWNET) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
                LoopbackNetwork.Make();
                RefuseEcho();
                descriptor = Libc.Open("/proc/thread-self/ns/net", Libc.O_CLOEXEC, 0);
                if (descriptor < 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
            }
            catch (Exception e) when (e is Win32Exception or IOException)
            {
                failure = e.Message;
            }
        })
        { Name = "netns" };
        thread.Start();
        thread.Join();
        return failure.Length == 0 ? descriptor : throw new CliException($"no network namespace could be made for the application: {failure}");
    }

    /// <summary>Every address is the namespace's own here, so that ping would be answered in the name of the whole world. Where /proc/sys is read-only (some containers) it is.</summary>
    private static void RefuseEcho()
    {
        foreach (var file in (string[])["/proc/sys/net/ipv4/icmp_echo_ignore_all", "/proc/sys/net/ipv6/icmp/echo_ignore_all"])
        {
            try
            {
                if (File.Exists(file)) File.WriteAllText(file, "1");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // ping tells the truth about nothing anyhow
            }
        }
    }
}
