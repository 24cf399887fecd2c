using System.Runtime.InteropServices;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>Passes the signals that ask for an end on to the application. SIGTERM waits until nobody sends requests here any more, so that
/// a restart loses none; a second one waits for nothing.</summary>
public sealed class SignalRelay : IDisposable
{
    private readonly ChildProcess _application;
    private readonly Func<Task> _leave;
    private readonly List<PosixSignalRegistration> _registrations;
    private int _terminations;

    /// <param name="leave">Takes this workload out of the mesh's sight; bounded.</param>
    public SignalRelay(ChildProcess application, Func<Task> leave)
    {
        _application = application;
        _leave = leave;
        _registrations =
        [
            On(PosixSignal.SIGTERM, () => _ = TerminateAsync()),
            On(PosixSignal.SIGINT, () => { if (!TerminalTellsApplication()) _application.Signal(Libc.SIGINT); }),
            On(PosixSignal.SIGHUP, () => _application.Signal(Libc.SIGHUP)),
        ];
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
    }

    private async Task TerminateAsync()
    {
        if (Interlocked.Increment(ref _terminations) == 1) await _leave();
        _application.Signal(Libc.SIGTERM);
    }

    /// <summary>Ctrl-C goes to every process of the foreground group, so to the application as well: told twice, many programs give up their clean-up.</summary>
    private static bool TerminalTellsApplication() => Libc.GetForegroundGroup(0) == Libc.GetProcessGroup();

    private static PosixSignalRegistration On(PosixSignal signal, Action action) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true; // this process stays to clean up
        action();
    });
}
