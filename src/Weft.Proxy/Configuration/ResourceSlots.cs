using System.Diagnostics.CodeAnalysis;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// The resources of one type by name: what is in use, and what has arrived and waits for something that it refers to.
/// </summary>
internal sealed class ResourceSlots<T> where T : class
{
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);

    internal sealed class Slot(string name)
    {
        public string Name { get; } = name;

        /// <summary>In use. Null with nothing in use yet, or when the resource is known not to exist.</summary>
        public T? Active { get; set; }

        /// <summary>Arrived, compiled, and not in use before what it refers to is there.</summary>
        public T? Pending { get; private set; }

        /// <summary>What <see cref="Pending"/> was compiled of; null for a resource of the bootstrap.</summary>
        public XdsResource? PendingSource { get; private set; }

        /// <summary>When <see cref="Pending"/> is used whatever is missing.</summary>
        public DateTimeOffset Deadline { get; private set; }

        /// <summary>The server has said that there is no such resource.</summary>
        public bool Absent { get; set; }

        /// <summary>From the bootstrap: nobody else may replace or remove it.</summary>
        public bool IsStatic { get; init; }

        /// <summary>Whoever refers to it need not wait any longer.</summary>
        public bool IsSettled => Active is not null || Absent;

        private UpdateTicket? Ticket { get; set; }

        /// <summary>A newer version. One that still waited is done with: it will never be used.</summary>
        public void Await(T value, XdsResource? source, DateTimeOffset deadline, UpdateTicket? ticket)
        {
            Ticket?.Settle(Name);
            (Pending, PendingSource, Deadline, Ticket) = (value, source, deadline, ticket);
            ticket?.Wait(Name);
        }

        public void Activate()
        {
            (Active, Absent) = (Pending, false);
            Clear();
        }

        /// <summary>What waited cannot be used; what was in use stays.</summary>
        public void Refuse(string reason)
        {
            Ticket?.Refuse(Name, reason);
            Clear();
        }

        /// <summary>What waited is no longer wanted.</summary>
        public void Clear()
        {
            Ticket?.Settle(Name);
            (Pending, PendingSource, Ticket) = (null, null, null);
        }
    }

    public IReadOnlyCollection<Slot> All => _slots.Values;

    public Slot? Find(string name) => _slots.GetValueOrDefault(name);

    public bool IsSettled(string name) => _slots.TryGetValue(name, out var slot) && slot.IsSettled;

    public bool TryGetActive(string name, [NotNullWhen(true)] out T? value)
    {
        value = Find(name)?.Active;
        return value is not null;
    }

    public Slot GetOrAdd(string name, bool isStatic = false)
    {
        if (!_slots.TryGetValue(name, out var slot)) _slots[name] = slot = new Slot(name) { IsStatic = isStatic };
        return slot;
    }

    public void Remove(Slot slot)
    {
        slot.Clear();
        _slots.Remove(slot.Name);
    }
}
