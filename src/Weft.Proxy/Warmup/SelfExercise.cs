using System.Runtime;

namespace Weft.Proxy.Warmup;

/// <summary>
/// Sends the proxy's own kind of traffic through the proxy's own code, once, after the start, so that the just-in-time compiler has done its work before
/// requests of users pay for it. Everything about it is private: worker, sockets, configuration, metrics, certificates; and nothing of it is left afterwards.
/// </summary>
/// <remarks>Loopback sockets and not memory: reading, writing and accepting are the larger part of the code to be warmed.</remarks>
internal sealed class SelfExercise
{
    private readonly WarmupSettings _settings;
    private readonly bool _withTls;
    private readonly TimeProvider _time;
    private readonly Action<string> _say;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile WarmupReport? _report;

    private SelfExercise(WarmupSettings settings, bool withTls, TimeProvider time, Action<string> say)
    {
        (_settings, _withTls, _time, _say) = (settings, withTls, time, say);
        _thread = new Thread(Run) { Name = "warm-up", IsBackground = true }; // of ordinary priority: docs/decisions/0006-thread-priority.md
        _thread.Start();
    }

    /// <summary>What came of it; null while it runs.</summary>
    public WarmupReport? Report => _report;

    /// <param name="withTls">Mutual TLS too. A proxy that speaks none does not load OpenSSL and the framework's cryptography for practice: 9 MB.</param>
    /// <param name="say">Told when it cannot be done; the proxy serves all the same.</param>
    public static SelfExercise Start(WarmupSettings settings, bool withTls, TimeProvider time, Action<string> say) => new(settings, withTls, time, say);

    /// <summary>Ends it before its time.</summary>
    public void Stop()
    {
        _stopping = true;
        _thread.Join(TimeSpan.FromSeconds(1));
    }

    private void Run()
    {
        var started = _time.GetTimestamp();
        try
        {
            using var mesh = new PrivateMesh(_withTls, _time);
            for (var (quiet, compiled) = (0, 0L); quiet < _settings.QuietRounds && mesh.Requests < _settings.MaxRequests && !IsOver(started);)
            {
                mesh.BeginRound();
                while (!mesh.RoundIsOver && !IsOver(started)) mesh.Turn(TimeSpan.FromMilliseconds(10));
                for (var pause = _time.GetTimestamp(); _time.GetElapsedTime(pause) < _settings.Pause && !IsOver(started);) mesh.Turn(TimeSpan.FromMilliseconds(10));
                var now = JitInfo.GetCompiledMethodCount();
                quiet = now == compiled ? quiet + 1 : 0;
                compiled = now;
            }
            _report = new WarmupReport(_time.GetElapsedTime(started), mesh.Requests, mesh.Unexpected);
        }
        catch (Exception e)
        {
            _say($"warm-up was given up: {e.Message}");
            _report = new WarmupReport(_time.GetElapsedTime(started), 0, 1);
        }
    }

    private bool IsOver(long started) => _stopping || _time.GetElapsedTime(started) >= _settings.Budget;
}

/// <summary>What a warm-up did.</summary>
/// <param name="Took">From its start to its end.</param>
/// <param name="Requests">Answered.</param>
/// <param name="Unexpected">Answers with another status than they should have, exceptions, and connections that broke.</param>
internal sealed record WarmupReport(TimeSpan Took, int Requests, int Unexpected);
