using System.Runtime.InteropServices;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>The signals that a person or a supervisor sends to a program: to end it, and those to which programs give a meaning of their own (nginx ends in order on
/// SIGQUIT and opens its logs anew on SIGUSR1). Until there is an application they end the start-up; then they are passed on to it. SIGTERM waits
/// until nobody sends requests here any more, so that a restart loses none; a second one waits for nothing.</summary>
public sealed class SignalRelay : IDisposable
{
    private readonly Lock _lock = new(); // guards _application, _leave, _early and _terminations
    private readonly CancellationTokenSource _asked = new();
    private readonly List<PosixSignalRegistration> _registrations;
    private ChildProcess? _application;
    private Func<Task> _leave = () => Task.CompletedTask;
    private int? _early;
    private int _terminations;

    public SignalRelay() => _registrations =
    [
        On(Libc.SIGTERM), On(Libc.SIGINT), On(Libc.SIGHUP), On(Libc.SIGQUIT), On(Libc.SIGUSR1), On(Libc.SIGUSR2),
    ];

    /// <summary>Cancelled by a signal that came before there was an application.</summary>
    public CancellationToken Asked => _asked.Token;

    /// <summary>That signal.</summary>
    public int? Early { get { lock (_lock) return _early; } }

    /// <summary>From now on signals are the application's.</summary>
    /// <param name="leave">Takes this workload out of the mesh's sight; bounded.</param>
    public void Attach(ChildProcess application, Func<Task> leave)
    {
        lock (_lock)
        {
            (_application, _leave) = (application, leave);
            if (_early is { } signal) application.Signal(signal);
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _asked.Dispose();
    }

    private void Received(int signal)
    {
        lock (_lock)
        {
            if (_application is null)
            {
                _early ??= signal;
                _ = Task.Run(_asked.Cancel); // what it cancels runs elsewhere, not under the lock
            }
            else if (signal == Libc.SIGTERM)
            {
                _ = TerminateAsync(_application, first: _terminations++ == 0);
            }
            else if (signal is not (Libc.SIGINT or Libc.SIGQUIT) || !TerminalTellsApplication())
            {
                _application.Signal(signal);
            }
        }
    }

    private async Task TerminateAsync(ChildProcess application, bool first)
    {
        if (first) await _leave();
        application.Signal(Libc.SIGTERM);
    }

    /// <summary>Ctrl-C (and Ctrl-\) goes to every process of the foreground group, so to the application as well: told twice, many programs give up their clean-up.</summary>
    private static bool TerminalTellsApplication() => Libc.GetForegroundGroup(0) == Libc.GetProcessGroup();

    // The class library has names for some signals only, and takes the system's number of any.
    private PosixSignalRegistration On(int signal) => PosixSignalRegistration.Create((PosixSignal)signal, context =>
    {
        context.Cancel = true; // this process stays to clean up
        Received(signal);
    });
}
