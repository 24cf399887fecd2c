using System.Security.Authentication;
using Weft.Grpc;

namespace Weft.Identity;

/// <summary>Keeps one workload's identity: joins once with a token, saves key, chain and roots, and renews at half of life for as long as it runs.
/// The private key is made here and never leaves the machine.</summary>
/// <remarks>What is on disk is served at once, even expired and even while the control plane is away; everything else is retried. A loss of the
/// control plane therefore shows only when a certificate ends, and then peers refuse it: there is no fallback to plaintext.</remarks>
public sealed class IdentityAgent : IAsyncDisposable
{
    private readonly IdentityAgentOptions _options;
    private readonly IdentityStore _store;
    private readonly ControlVerifier _verifier;
    private readonly CertificateClient _client;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<CertificateMaterial> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CertificateMaterial? _current;
    private CertificateMaterial? _previous; // its key stays readable for one more generation
    private string? _lastFailure;
    private string? _triedToken;
    private Task _running = Task.CompletedTask;

    private IdentityAgent(IdentityAgentOptions options, Action<string>? step)
    {
        options.Check();
        _options = options;
        ControlAddress = ControlHandler.ParseAddress(options.ControlAddress);
        _verifier = new ControlVerifier(options.Time);
        _client = new CertificateClient(ControlAddress, _verifier, options);
        _backoff = new Backoff(options.FirstRetry, options.LongestRetry);
        _store = new IdentityStore(options.KeysDirectory, step);
    }

    /// <summary>The control plane as <c>https://host:port/</c>.</summary>
    public Uri ControlAddress { get; }

    /// <summary>The present generation; null until the first join has succeeded. Subscribe to <see cref="Changed"/> before reading it.</summary>
    public CertificateMaterial? Current => Volatile.Read(ref _current);

    /// <summary>Raised, on the agent's own thread, after a new generation is saved and in <see cref="Current"/>. Its handlers load the key; a slow
    /// one delays only the agent.</summary>
    public event Action<CertificateMaterial>? Changed;

    /// <summary>Why the last attempt failed, or could not be saved; null after a success.</summary>
    public string? LastFailure => Volatile.Read(ref _lastFailure);

    /// <summary>Loads what is saved, and starts.</summary>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    /// <exception cref="IdentityException">A saved file is damaged, the directory is in use, or there is neither a certificate nor a token.</exception>
    public static IdentityAgent Start(IdentityAgentOptions options) => Start(options, step: null);

    internal static IdentityAgent Start(IdentityAgentOptions options, Action<string>? step)
    {
        var agent = new IdentityAgent(options, step);
        try
        {
            var saved = agent._store.Load();
            if (saved is null && options.JoinTokenFile is null)
                throw new IdentityException($"{options.KeysDirectory} holds no certificate and no join token file was given: issue a token and name its file");
            agent._current = saved;
            if (saved is not null) agent._first.SetResult(saved);
            agent._running = Task.Run(agent.RunAsync);
            return agent;
        }
        catch
        {
            agent._store.Dispose();
            agent._stop.Dispose();
            throw;
        }
    }

    /// <summary>The present generation, as soon as there is one.</summary>
    /// <exception cref="IdentityException">Joining was refused for good: the token was used or has expired, or the control plane is not the pinned one.</exception>
    public Task<CertificateMaterial> WaitAsync(CancellationToken cancel) => _first.Task.WaitAsync(cancel);

    /// <summary>A handler for calls to the control plane: HTTP/2 with keep-alive pings. Each new connection shows the certificate of its moment and
    /// requires <c>spiffe://TD/weft/control</c>, verified by the roots of its moment. The caller disposes it.</summary>
    /// <param name="transport">Timeouts and pings; null for the defaults.</param>
    public SocketsHttpHandler CreateControlHandler(GrpcTransportOptions? transport = null) => ControlHandler.Create(
        () => new ControlTrust.Saved(Current ?? throw new InvalidOperationException("there is no certificate yet: await WaitAsync first")), _verifier, transport);

    private async Task RunAsync()
    {
        try
        {
            var plan = _current is { } saved
                ? RenewalPlan.ForLoaded(_options.Time, saved.NotBefore, saved.NotAfter, Chance())
                : (RenewalPlan?)null;
            while (true)
            {
                if (plan is { } waiting) await WaitUntilDueAsync(waiting);
                var fresh = await ObtainAsync();
                plan = RenewalPlan.ForFresh(_options.Time, fresh.NotBefore, fresh.NotAfter, _options.RequestedLifetime, Chance());
                var unsaved = Save(fresh);
                Publish(fresh);
                if (unsaved is not null) Fail(unsaved);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _first.TrySetCanceled();
        }
        catch (IdentityException error)
        {
            // Only a first join ends here: with a certificate in hand the agent never gives up.
            Fail(error.Message);
            _first.TrySetException(error);
        }
    }

    private async Task WaitUntilDueAsync(RenewalPlan plan)
    {
        while (plan.Remaining(_options.Time) is var remaining && remaining > TimeSpan.Zero)
        {
            var pause = remaining < _options.ClockCheckInterval ? remaining : _options.ClockCheckInterval;
            // Timers count whole milliseconds: a rest of half a one would be no pause at all, and this loop would spin through it.
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(pause.TotalMilliseconds)), _options.Time, _stop.Token);
        }
    }

    private async Task<CertificateMaterial> ObtainAsync()
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return Current is { } current ? await RenewAsync(current) : await JoinAsync();
            }
            // With a certificate in hand nothing ends the agent: a broken answer today says nothing about tomorrow's.
            catch (Exception error) when (!_stop.IsCancellationRequested)
            {
                if (Current is null && IsFinal(error)) throw new IdentityException(Sentence(error), error);
                Fail(Sentence(error));
            }
            await Task.Delay(_backoff.After(failures, Chance()), _options.Time, _stop.Token);
        }
    }

    // A certificate that cannot be saved is used all the same: a full disk must not end the workload's calls. The next one is saved, or a restart
    // renews the one before it.
    private string? Save(CertificateMaterial fresh)
    {
        try
        {
            _store.Save(fresh);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"the new certificate is in use but could not be saved in {_options.KeysDirectory}: {error.Message}";
        }
    }

    private Task<CertificateMaterial> JoinAsync()
    {
        var token = ReadToken();
        _triedToken = token.Id;
        return _client.JoinAsync(token, _stop.Token);
    }

    // A certificate that cannot renew itself any more (revoked, expired for too long, of an authority that is gone) is replaced by a new join,
    // when someone has left a token that was not tried yet.
    private async Task<CertificateMaterial> RenewAsync(CertificateMaterial current)
    {
        try
        {
            return await _client.RenewAsync(current, _stop.Token);
        }
        catch (Exception error) when (!_stop.IsCancellationRequested && MayNeverRenew(current, error) && HasUntriedToken())
        {
            Fail($"{Sentence(error)}; joining again with {_options.JoinTokenFile}");
            return await JoinAsync();
        }
    }

    private bool MayNeverRenew(CertificateMaterial current, Exception error) =>
        IsRefusal(error) || AuthenticationFailure(error) is not null || _options.Time.GetUtcNow() >= current.NotAfter;

    private bool HasUntriedToken() => _options.JoinTokenFile is { } file && File.Exists(file) && ReadToken().Id != _triedToken;

    private JoinToken ReadToken()
    {
        var file = _options.JoinTokenFile ?? throw new IdentityException("there is no join token file");
        try
        {
            return JoinToken.TryParse(File.ReadAllText(file), out var token, out var error) ? token : throw new IdentityException($"{file}: {error}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IdentityException($"the join token cannot be read: {error.Message}", error);
        }
    }

    // Of a first join: trying again mends neither a used token nor the wrong control plane, and whoever started us should hear of it.
    private static bool IsFinal(Exception error) => error is IdentityException || IsRefusal(error);

    private static bool IsRefusal(Exception error) => error is GrpcException
    {
        Status.Code: GrpcStatusCode.Unauthenticated or GrpcStatusCode.PermissionDenied or GrpcStatusCode.InvalidArgument,
    };

    private string Sentence(Exception error) => error switch
    {
        IdentityException => error.Message,
        OperationCanceledException => $"the control plane at {ControlAddress.Authority} did not answer within {_options.AttemptTimeout.TotalSeconds:0.###} s",
        _ when AuthenticationFailure(error) is { } reason => $"no TLS connection to the control plane at {ControlAddress.Authority}: {reason.Message}",
        _ when IsRefusal(error) => $"the control plane at {ControlAddress.Authority} refused: {error.Message}",
        _ => $"the control plane at {ControlAddress.Authority} gave no certificate: {error.Message}",
    };

    private static AuthenticationException? AuthenticationFailure(Exception? error)
    {
        while (error is not (null or AuthenticationException)) error = error.InnerException;
        return (AuthenticationException?)error;
    }

    private void Publish(CertificateMaterial fresh)
    {
        var outgoing = _previous;
        _previous = _current;
        Volatile.Write(ref _current, fresh);
        Volatile.Write(ref _lastFailure, null);
        _first.TrySetResult(fresh);
        try
        {
            Changed?.Invoke(fresh);
        }
        // A consumer that cannot load this certificate keeps its old one; the agent must be there to bring it the next.
        catch (Exception error) { Fail($"a consumer of the new certificate failed: {error.Message}"); }
        outgoing?.ClearKey();
    }

    private void Fail(string message)
    {
        Volatile.Write(ref _lastFailure, message);
        _options.Warn(message);
    }

    private double Chance() => _options.Random.NextDouble();

    /// <summary>Stops renewing and releases the directory. The files stay.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _current?.ClearKey();
        _previous?.ClearKey();
        _store.Dispose();
        _stop.Dispose();
    }
}
