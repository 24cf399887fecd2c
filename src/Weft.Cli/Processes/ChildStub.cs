using System.Globalization;
using System.Runtime.InteropServices;

namespace Weft.Cli.Processes;

/// <summary>How a child is to live.</summary>
/// <param name="DeathSignal">Signal that the kernel sends it when its parent is gone, however that went; 0 for none.</param>
/// <param name="OwnSession">True to take it out of the terminal's reach: Ctrl-C then ends only its parent, which ends it in order.</param>
/// <param name="Log">File that takes its output and error stream, appended; empty to share the parent's.</param>
/// <param name="NetworkNamespace">File that stands for the network namespace it is to live in (<c>/proc/PID/fd/N</c>); empty to share the parent's.</param>
public sealed record ChildTraits(int DeathSignal, bool OwnSession = false, string Log = "", string NetworkNamespace = "");

/// <summary>
/// The moment between fork and exec, which the class library does not open: <c>weft</c> starts itself as the child, sets what only a process
/// can set for itself, and becomes the program. The death signal survives exec (prctl(2)), so a program that knows nothing
/// of Weft ends with its <c>weft run</c> even when that is killed with -9.
/// </summary>
internal static class ChildStub
{
    public const string Verb = "__child";

    public static IEnumerable<string> Arguments(ChildTraits traits, string file, IEnumerable<string> arguments) =>
    [
        Verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), traits.DeathSignal.ToString(CultureInfo.InvariantCulture),
        traits.OwnSession ? "1" : "0", traits.Log, traits.NetworkNamespace, file, .. arguments,
    ];

    /// <summary>Becomes the program; returns only when that fails, with the exit code that shells use.</summary>
    public static int Become(string[] args)
    {
        if (args is not [var parent, var deathSignal, var ownSession, var log, var networkNamespace, var file, .. var arguments]) return ExitCode.Usage;
        var signal = int.Parse(deathSignal, CultureInfo.InvariantCulture);
        if (signal != 0)
        {
            if (Libc.Prctl(Libc.PR_SET_PDEATHSIG, (nuint)signal) != 0) return Failed("prctl");
            // The parent may have died before the call: then nobody sends the signal, and there is nothing to do here.
            if (Libc.GetParent() != int.Parse(parent, CultureInfo.InvariantCulture)) return 128 + signal;
        }
        if (ownSession == "1") _ = Libc.SetSession();
        if (log.Length > 0 && !Redirect(log)) return Failed(log);
        if (networkNamespace.Length > 0 && !(Enter(networkNamespace) && ResolverSockets.Hide())) return Failed(networkNamespace);
        return Execute(file, arguments);
    }

    /// <summary>execvp(3). The runtime ignores SIGPIPE, and an ignored signal stays ignored across exec: a program would never learn that its reader has gone.</summary>
    public static int Execute(string file, IEnumerable<string> arguments)
    {
        _ = Libc.Signal(Libc.SIGPIPE, 0);
        _ = Libc.Execute(file, [file, .. arguments, null]);
        var error = Marshal.GetLastPInvokeError();
        Console.Error.WriteLine($"weft: {file}: {Marshal.GetPInvokeErrorMessage(error)}");
        return error == Libc.ENOENT ? ExitCode.NotFound : ExitCode.CannotExecute;
    }

    private static bool Redirect(string log)
    {
        var file = Libc.Open(log, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_APPEND, Convert.ToInt32("600", 8));
        var nothing = Libc.Open("/dev/null", 0, 0);
        return file >= 0 && nothing >= 0 && Libc.Duplicate(nothing, 0) >= 0 && Libc.Duplicate(file, 1) >= 0 && Libc.Duplicate(file, 2) >= 0;
    }

    /// <summary>setns(2) moves this thread only, and exec leaves no other.</summary>
    private static bool Enter(string networkNamespace)
    {
        var descriptor = Libc.Open(networkNamespace, Libc.O_CLOEXEC, 0);
        return descriptor >= 0 && Libc.SetNamespace(descriptor, Libc.CLONE_NEWNET) == 0;
    }

    private static int Failed(string what)
    {
        Console.Error.WriteLine($"weft: {what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        return ExitCode.CannotExecute;
    }
}
