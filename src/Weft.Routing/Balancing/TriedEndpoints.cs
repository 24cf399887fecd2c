using System.Runtime.CompilerServices;
using Weft.Routing.Clusters;

namespace Weft.Routing.Balancing;

/// <summary>The endpoints that earlier attempts of one request went to; remembers the last <see cref="Capacity"/>.</summary>
public struct TriedEndpoints
{
    public const int Capacity = 8;

    private Slots _slots;
    private int _count;

    /// <summary>Attempts recorded, also beyond <see cref="Capacity"/>.</summary>
    public readonly int Count => _count;

    public void Add(EndpointState endpoint) => _slots[_count++ % Capacity] = endpoint;

    public readonly bool Contains(EndpointState endpoint)
    {
        for (var i = 0; i < Math.Min(_count, Capacity); i++)
        {
            if (ReferenceEquals(_slots[i], endpoint)) return true;
        }
        return false;
    }

    public void Clear() => this = default;

    [InlineArray(Capacity)]
    private struct Slots
    {
#pragma warning disable IDE0044, IDE0051 // the compiler's inline array needs exactly one field
        private EndpointState? _first;
#pragma warning restore IDE0044, IDE0051
    }
}
