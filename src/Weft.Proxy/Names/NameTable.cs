using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Proxy.Configuration;
using Weft.Routing.Names;

namespace Weft.Proxy.Names;

/// <summary>
/// What one worker knows of the mesh's names and addresses: what the configuration holds, and the asking for what it does not hold yet. A new version of the configuration
/// wakes those whose answer it has.
/// </summary>
/// <param name="config">Where names are asked for, and where they arrive.</param>
/// <param name="nowMs">The worker's clock, in milliseconds.</param>
/// <param name="report">Told of an exception in a waiter; the others still wait.</param>
internal sealed class NameTable(ConfigStore config, Func<long> nowMs, Action<Exception> report) : INameLookup
{
    /// <summary>After a question that the control plane did not answer in time, how long nobody else is made to wait for it. What would have been waited for is asked all the same, so that its
    /// return is noticed.</summary>
    private const long SilenceMs = 5000;

    /// <summary>Asked in one silence at most: a client may ask for one made-up name after another.</summary>
    private const int MaxAskedInSilence = 100;

    private readonly Dictionary<INameWaiter, string> _waiting = new(ReferenceEqualityComparer.Instance);
    private ConfigMap<NameEntry> _names = ConfigMap<NameEntry>.Empty; // of the last version looked at
    private long _silentUntilMs = long.MinValue;
    private int _askedInSilence;

    /// <summary>Waiters that have not been told.</summary>
    public int Waiting => _waiting.Count;

    public NameAnswer Find(IPAddress address, ushort port, INameWaiter waiter, bool mustWait = false)
    {
        if (!MayBeVirtual(address)) return new NameAnswer(NameStatus.Outside);
        Span<byte> name = stackalloc byte[64];
        address.TryFormat(name, out var length);
        return Find(name[..length], waiter, mustWait);
    }

    /// <summary>As <see cref="Find(IPAddress, ushort, INameWaiter)"/>, by name.</summary>
    /// <param name="name"><c>service.namespace</c> in lower case, or an address in its canonical form.</param>
    public NameAnswer Find(ReadOnlySpan<byte> name, INameWaiter waiter, bool mustWait = false)
    {
        if (Entry(name) is { } entry) return Answer(entry);
        if (config.WantName is not { } want) return new NameAnswer(NameStatus.Outside); // nobody to ask: configuration is static
        if (!mustWait && !MayWait(name)) return new NameAnswer(NameStatus.Outside);
        var text = Encoding.ASCII.GetString(name);
        _waiting.Add(waiter, text);
        want(text);
        return new NameAnswer(NameStatus.Asked);
    }

    /// <summary>What the configuration holds of a name; null when it was never answered for.</summary>
    public NameEntry? Entry(ReadOnlySpan<byte> name) => config.Current.Names.Find(name);

    /// <summary>Whether an answer may be waited for. Not after somebody has waited in vain a moment ago: then the name is asked for, and whoever wants it goes on as if it were unknown.</summary>
    /// <param name="name">A name that the configuration does not hold.</param>
    public bool MayWait(ReadOnlySpan<byte> name)
    {
        if (nowMs() >= _silentUntilMs) return true;
        if (_askedInSilence++ < MaxAskedInSilence) config.WantName?.Invoke(Encoding.ASCII.GetString(name));
        return false;
    }

    public void GiveUp(INameWaiter waiter)
    {
        if (!_waiting.Remove(waiter)) return;
        var now = nowMs();
        if (now >= _silentUntilMs) _askedInSilence = 0; // it begins; each who waited only tells that it goes on
        _silentUntilMs = now + SilenceMs;
    }

    /// <summary>Called on the worker when <paramref name="next"/> has become current. True when names have changed.</summary>
    public bool OnPublished(ProxyConfig next)
    {
        if (ReferenceEquals(next.Names, _names)) return false;
        _names = next.Names;
        _silentUntilMs = long.MinValue;
        // A waiter that goes on may end others' waiting or begin anew, so what is walked is a copy.
        foreach (var (waiter, name) in _waiting.ToArray())
        {
            if (_names.Find(name) is not { } entry || !_waiting.Remove(waiter)) continue;
            try
            {
                waiter.OnName(Answer(entry));
            }
            catch (Exception e)
            {
                report(e);
            }
        }
        return true;
    }

    /// <summary>Loopback, link-local and multicast addresses and those of "this network" are nobody's service, and asking for them would fill the control plane's subscriptions.</summary>
    public static bool MayBeVirtual(IPAddress address)
    {
        if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.IsIPv6Multicast || address.IsIPv4MappedToIPv6) return false;
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) return false;
        if (address.AddressFamily != AddressFamily.InterNetwork) return true;
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return bytes[0] is not (0 or >= 224 and < 240) && !(bytes[0] == 169 && bytes[1] == 254);
    }

    /// <summary>A headless service's addresses are its endpoints' own: a connection to one is a connection to that endpoint, which is no service of the mesh to this side.</summary>
    private static NameAnswer Answer(NameEntry entry) => entry.Service is { IsHeadless: false } service
        ? new NameAnswer(NameStatus.Service, service.Service, service.Namespace)
        : new NameAnswer(NameStatus.Outside);
}
