using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>
/// Which virtual addresses are given. The Services in the store are the record, and this follows them; beside it stand the addresses of changes that are on
/// their way to the disk, so that two concurrent creates never get the same one and a change that fails gives back what it took. Thread-safe.
/// </summary>
public sealed class VirtualAddressBook(ResourceStore store)
{
    private readonly Lock _lock = new(); // guards everything below
    private readonly Dictionary<IPAddress, int> _given = []; // how many Services say so: objects that are older than this rule may repeat one
    private readonly HashSet<IPAddress> _pending = [];
    private long _seen = -1;

    /// <summary>Begins a change of some Services. What it takes stays taken until it is disposed, which is to be after the commit.</summary>
    /// <param name="mesh">The Mesh object that comes with the same change; null for the one in the store.</param>
    internal AddressDraft Begin(Mesh? mesh = null)
    {
        var ranges = (mesh ?? store.Current.Find(ResourceKinds.Mesh, "", "default") as Mesh)?.VirtualAddresses ?? VirtualAddressRanges.Default;
        return new AddressDraft(this, AddressRange.Parse(ranges.Ipv4), AddressRange.Parse(ranges.Ipv6));
    }

    /// <summary>Takes <paramref name="address"/> unless somebody has it.</summary>
    internal bool TryTake(IPAddress address)
    {
        lock (_lock)
        {
            Follow_NeedsLock();
            return !_given.ContainsKey(address) && _pending.Add(address);
        }
    }

    /// <summary>Takes the first free address for <paramref name="owner"/>; null when the range is full.</summary>
    internal IPAddress? TakeFree(AddressRange range, string owner)
    {
        lock (_lock)
        {
            Follow_NeedsLock();
            var address = range.FirstFree(owner, a => _given.ContainsKey(a) || _pending.Contains(a));
            if (address is not null) _pending.Add(address);
            return address;
        }
    }

    internal void Release(IEnumerable<IPAddress> taken)
    {
        lock (_lock) _pending.ExceptWith(taken);
    }

    private void Follow_NeedsLock()
    {
        try
        {
            while (store.History.Read(_seen) is { Count: > 0 } events)
            {
                foreach (var e in events)
                {
                    _seen = e.Revision;
                    if (e.Entry.Key.Collection != StoredObjects.CollectionOf(ResourceKinds.Service)) continue;
                    if (e.Previous is { } before) Count_NeedsLock(before, -1);
                    if (e.Type != StoreEventType.Deleted) Count_NeedsLock(e.Entry, +1);
                }
            }
        }
        catch (HistoryGoneException)
        {
            // The start, or a pause of ten thousand writes: count anew.
            var state = store.Current;
            _given.Clear();
            foreach (var entry in state.List(StoredObjects.CollectionOf(ResourceKinds.Service))) Count_NeedsLock(entry, +1);
            _seen = state.Revision;
        }
    }

    private void Count_NeedsLock(StoreEntry entry, int by)
    {
        foreach (var text in ((Service)StoredObjects.Typed(entry)).VirtualAddresses)
        {
            if (!IPAddress.TryParse(text, out var address)) continue;
            var count = _given.GetValueOrDefault(address) + by;
            if (count == 0) _given.Remove(address);
            else _given[address] = count;
        }
    }
}

/// <summary>The addresses that one change takes. One caller at a time.</summary>
internal sealed class AddressDraft(VirtualAddressBook book, AddressRange v4, AddressRange v6) : IServiceAddresses, IDisposable
{
    private readonly List<IPAddress> _taken = [];

    /// <summary>Fills in the address fields of <paramref name="json"/>, where it is a Service that is to have some. A write that leaves the spec alone leaves them alone too.</summary>
    /// <param name="kind">Kind of the object.</param>
    /// <param name="before">The object as it is stored; null for a new one.</param>
    /// <param name="json">The object as it is to be; changed in place.</param>
    /// <exception cref="ApiException">Invalid: an address that cannot be given, or a change of one that is fixed. InsufficientStorage: the range is full.</exception>
    public void Complete(ResourceKind kind, ResourceObject? before, JsonObject json)
    {
        if (kind == ResourceKinds.Service && !JsonNode.DeepEquals(before?.Json["spec"], json["spec"])) ServiceAddressing.Complete((Service?)before, json, this);
    }

    public void Dispose() => book.Release(_taken);

    string? IServiceAddresses.Refusal(IPAddress address)
    {
        var range = RangeOf(address.AddressFamily);
        if (!range.Contains(address)) return $"{address} is outside of {range} (Mesh spec.virtualAddresses)";
        if (_taken.Contains(address)) return null; // by this very change
        if (!book.TryTake(address)) return $"{address} is given to another Service";
        _taken.Add(address);
        return null;
    }

    IPAddress IServiceAddresses.Give(AddressFamily family, string owner)
    {
        var range = RangeOf(family);
        var address = book.TakeFree(range, owner) ?? throw new ApiException(ApiStatus.InsufficientStorage(
            $"no virtual address is free in {range} (Mesh spec.virtualAddresses): {range.Count} Services have one; delete some, or give the Mesh a wider range"));
        _taken.Add(address);
        return address;
    }

    private AddressRange RangeOf(AddressFamily family) => family == AddressFamily.InterNetwork ? v4 : v6;
}
