using System.Security.Cryptography.X509Certificates;

namespace Weft.Identity;

/// <summary>Verifies the control plane's certificate by two clocks: the wall clock, and the wall clock of the agent's start carried on by the monotonic
/// clock. Validity by either is enough.</summary>
/// <remarks>Someone who sets a machine's clock an hour back would otherwise stop its renewals, because the control plane's certificate is "not yet
/// valid"; and after a sleep it is the carried clock that is behind. What it costs: for as long as the agent runs, a stolen key of the control plane may
/// serve for as long as the slower of the two clocks says. Peers of the data plane are not judged this way.</remarks>
internal sealed class ControlVerifier
{
    private readonly SvidVerifier _byWall;
    private readonly SvidVerifier _byCarried;

    public ControlVerifier(TimeProvider time)
    {
        _byWall = new SvidVerifier(time);
        _byCarried = new SvidVerifier(new CarriedClock(time));
    }

    public SvidVerdict Verify(X509Certificate2? leaf, X509Certificate2Collection sent, TrustBundleSet bundles)
    {
        var verdict = _byWall.Verify(leaf, sent, bundles, PeerRole.Server);
        return verdict.Failure is SvidFailure.NotYetValid or SvidFailure.Expired && _byCarried.Verify(leaf, sent, bundles, PeerRole.Server) is { IsAccepted: true } carried
            ? carried
            : verdict;
    }

    private sealed class CarriedClock(TimeProvider time) : TimeProvider
    {
        private readonly DateTimeOffset _start = time.GetUtcNow();
        private readonly long _startTimestamp = time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => _start + time.GetElapsedTime(_startTimestamp);
    }
}
