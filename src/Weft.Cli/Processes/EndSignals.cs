using System.Runtime.InteropServices;

namespace Weft.Cli.Processes;

/// <summary>SIGINT, SIGTERM and SIGHUP as a request to end in order. A second one of them ends at once, as a person who presses Ctrl-C twice expects.</summary>
public sealed class EndSignals : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private readonly List<PosixSignalRegistration> _registrations;

    public EndSignals() => _registrations = [On(PosixSignal.SIGINT), On(PosixSignal.SIGTERM), On(PosixSignal.SIGHUP)];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Asked => _asked.Token;

    /// <summary>Completes with the first signal.</summary>
    public async Task WaitAsync()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = _asked.Token.Register(asked.SetResult);
        await asked.Task;
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _asked.Dispose();
    }

    private PosixSignalRegistration On(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        if (_asked.IsCancellationRequested) return;
        context.Cancel = true;
        _ = Task.Run(_asked.Cancel);
    });
}
