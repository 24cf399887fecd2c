using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Weft.Cli.Processes;

namespace Weft.Cli.Interception;

/// <summary>A network namespace of the machine (network_namespaces(7)) and what can be done in it.</summary>
/// <param name="Path">A file that stands for it, as <c>/proc/PID/ns/net</c>; empty for the one that this process is in.</param>
public sealed record NetworkNamespace(string Path)
{
    /// <summary>Where <c>ip netns</c> keeps those that have a name.</summary>
    private const string Named = "/run/netns";

    public static NetworkNamespace Own { get; } = new("");

    /// <summary>The one that a person names: a path, or a name as <c>ip netns</c> knows it.</summary>
    /// <exception cref="CliException">There is none.</exception>
    public static NetworkNamespace Find(string? given)
    {
        if (string.IsNullOrEmpty(given)) return Own;
        var path = given.Contains('/', StringComparison.Ordinal) ? given : System.IO.Path.Combine(Named, given);
        return File.Exists(path) ? new NetworkNamespace(path) : throw new CliException($"--netns: there is no network namespace {path}; `ip netns` lists those that have a name", ExitCode.Usage);
    }

    /// <summary>Looks around in it.</summary>
    /// <param name="look">Must stay on its thread: no task, and no process started. What it started would be in the namespace for good.</param>
    public T Look<T>(Func<T> look)
    {
        if (Path.Length == 0) return look();

        // A thread of its own, which ends in the namespace: one of the pool that did not find its way back would open the next connection of this program there.
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                result = look();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { Name = "netns" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>Takes the calling thread there for good.</summary>
    /// <exception cref="CliException">It cannot be opened or is none, or this process lacks CAP_SYS_ADMIN.</exception>
    public void Enter()
    {
        var descriptor = Libc.Open(Path, Libc.O_CLOEXEC, 0);
        if (descriptor < 0) throw Failed();
        var entered = Libc.SetNamespace(descriptor, Libc.CLONE_NEWNET);
        var failure = Failed();
        _ = Libc.Close(descriptor);
        if (entered != 0) throw failure;
    }

    private CliException Failed() => new($"the network namespace {Path} cannot be entered: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
}
