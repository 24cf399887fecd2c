using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>What has become of one update: which of its resources still wait, and which were refused. It is answered when none waits,
/// because an acknowledgement means "in use".</summary>
internal sealed class UpdateTicket
{
    private readonly HashSet<string> _waiting = new(StringComparer.Ordinal);
    private readonly List<XdsRefusal> _refused = [];

    public bool IsSettled => _waiting.Count == 0;

    public IReadOnlyList<XdsRefusal> Refused => _refused;

    public void Wait(string name) => _waiting.Add(name);

    public void Settle(string name) => _waiting.Remove(name);

    public void Refuse(string name, string reason)
    {
        _waiting.Remove(name);
        _refused.Add(new XdsRefusal(name, reason));
    }
}
