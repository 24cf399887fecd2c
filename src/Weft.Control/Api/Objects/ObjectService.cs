using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary>What a delete may insist on.</summary>
/// <param name="Uid">The object must be this very one, not a later one of the same name.</param>
/// <param name="Revision">The object must be unchanged since this resourceVersion.</param>
public readonly record struct DeletePreconditions(string? Uid, long? Revision);

/// <summary>
/// Every change of an object goes through here, whoever asks for it: read, decide with <see cref="ObjectRules"/>, commit under the condition
/// that nothing moved meanwhile, and start over when something did and the caller did not insist on a version.
/// </summary>
public sealed class ObjectService(ResourceStore store, TimeProvider time, ApiOptions? options = null)
{
    private readonly ApiOptions _options = options ?? new ApiOptions();

    /// <summary>Namespaces that cannot be deleted.</summary>
    public static readonly IReadOnlyList<string> PermanentNamespaces = ["default", "weft-system"];

    public ResourceStore Store { get; } = store;

    /// <summary>Who has which virtual address.</summary>
    public VirtualAddressBook Addresses { get; } = new(store);

    /// <summary>Creates the permanent namespaces where they are missing: the first start. Gives Services an address that were written before there were any.</summary>
    /// <returns>Why some Services have none still; null when all have.</returns>
    public async Task<string?> InitializeAsync()
    {
        foreach (var name in PermanentNamespaces)
        {
            if (Store.Current.Find(ResourceKinds.Namespace, "", name) is not null) continue;
            var json = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } };
            await CreateAsync(ResourceKinds.Namespace.Create(json), dryRun: false);
        }
        return await AddressServicesAsync();
    }

    private async Task<string?> AddressServicesAsync()
    {
        using var addresses = Addresses.Begin();
        var writes = new List<StoreWrite>();
        string? problem = null;
        foreach (var entry in Store.Current.List(StoredObjects.CollectionOf(ResourceKinds.Service)))
        {
            var service = StoredObjects.Typed(entry);
            var json = (JsonObject)service.Json.DeepClone();
            try
            {
                ServiceAddressing.Complete((Service)service, json, addresses);
            }
            catch (ApiException e)
            {
                problem = $"{service.Key}: {e.Message}";
                continue;
            }
            if (!ObjectRules.IsUnchanged(service, json)) writes.Add(StoreWrite.Put(entry.Key, StoredObjects.Bytes(json), entry.ModRevision));
        }
        if (writes.Count > 0) await Store.CommitAsync(new StoreTransaction(writes, []));
        return problem;
    }

    /// <summary>Creates an object.</summary>
    /// <exception cref="ApiException">AlreadyExists; NotFound for a namespace that does not exist.</exception>
    public async Task<ResourceObject> CreateAsync(ResourceObject wanted, bool dryRun)
    {
        var key = StoredObjects.KeyOf(wanted);
        if (Store.Current.Find(key) is not null) throw new ApiException(ApiStatus.AlreadyExists(wanted.Kind, wanted.Metadata.Name));
        var json = ObjectRules.Created(wanted, time.GetUtcNow(), Guid.NewGuid());
        using var addresses = Addresses.Begin();
        addresses.Complete(wanted.Kind, null, json);
        List<StoreWrite> writes = [StoreWrite.Put(key, StoredObjects.Bytes(json), expected: 0), .. WithNamespace(wanted)];
        if (dryRun)
        {
            RequireNamespace(Store.Current, wanted.Kind, wanted.Metadata.Namespace);
            return wanted.Kind.Create(json);
        }
        var result = await Store.CommitAsync(new StoreTransaction(writes, NamespaceOf(wanted)));
        if (result.Accepted) return StoredObjects.Typed(result.Entries[0]!);
        throw new ApiException(result.Conflict!.Key == key
            ? ApiStatus.AlreadyExists(wanted.Kind, wanted.Metadata.Name)
            : ApiStatus.NoNamespace(wanted.Metadata.Namespace));
    }

    /// <summary>Changes an object, or creates it when <paramref name="change"/> makes something of nothing.</summary>
    /// <param name="expected">The resourceVersion that the caller has seen; null to start over when others write at the same time.</param>
    /// <param name="change">From the object as it is (null when there is none) to what it should be. May run more than once.</param>
    /// <exception cref="ApiException">Conflict, NotFound, or what <paramref name="change"/> throws.</exception>
    public async Task<(ResourceObject Object, bool Created)> ChangeAsync(
        ResourceKind kind, string ns, string name, long? expected, Func<ResourceObject?, JsonObject> change, bool dryRun)
    {
        var key = StoredObjects.KeyOf(kind, ns, name);
        for (var attempt = 0; attempt < _options.MaxAttempts; attempt++)
        {
            var state = Store.Current;
            var entry = state.Find(key);
            if (expected is { } seen && seen != (entry?.ModRevision ?? 0)) throw StaleVersion(kind, name, seen, entry);
            var current = entry is null ? null : StoredObjects.Typed(entry);
            var json = change(current);
            using var addresses = Addresses.Begin();
            addresses.Complete(kind, current, json);
            if (current is not null && ObjectRules.IsUnchanged(current, json)) return (current, false);
            var changed = kind.Create(json);
            RequireNamespace(state, kind, ns);
            if (dryRun) return (changed, current is null);
            // The last finalizer is gone: this change is what the delete was waiting for.
            var gone = changed.Metadata.DeletionTimestamp is not null && !ObjectRules.HasFinalizers(json);
            List<StoreWrite> writes = gone
                ? [StoreWrite.Delete(key, entry!.ModRevision)]
                : [StoreWrite.Put(key, StoredObjects.Bytes(json), entry?.ModRevision ?? 0), .. current is null ? WithNamespace(changed) : []];
            var result = await Store.CommitAsync(new StoreTransaction(writes, NamespaceOf(changed)));
            if (result.Accepted) return (gone ? changed : StoredObjects.Typed(result.Entries[0]!), current is null);
            if (result.Conflict!.Key != key) throw new ApiException(ApiStatus.NoNamespace(ns));
        }
        throw new ApiException(ApiStatus.Conflict(kind, name, $"others changed it {_options.MaxAttempts} times while this change was made; try again"));
    }

    /// <summary>Deletes an object; a namespace with everything in it. An object that finalizers hold is only marked.</summary>
    /// <returns>The object as it was, and whether it is gone now.</returns>
    public async Task<(ResourceObject Object, bool Gone)> DeleteAsync(ResourceKind kind, string ns, string name, DeletePreconditions preconditions, bool dryRun)
    {
        if (kind == ResourceKinds.Namespace && PermanentNamespaces.Contains(name))
            throw new ApiException(ApiStatus.Forbidden($"namespace \"{name}\" is Weft's own and stays; delete the objects in it instead"));
        var key = StoredObjects.KeyOf(kind, ns, name);
        for (var attempt = 0; attempt < _options.MaxAttempts; attempt++)
        {
            var state = Store.Current;
            var entry = state.Find(key) ?? throw new ApiException(ApiStatus.NotFound(kind, ns, name));
            var current = StoredObjects.Typed(entry);
            if (preconditions.Uid is { } uid && uid != current.Metadata.Uid)
                throw new ApiException(ApiStatus.Conflict(kind, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {current.Metadata.Uid}"));
            if (preconditions.Revision is { } seen && seen != entry.ModRevision) throw StaleVersion(kind, name, seen, entry);
            var held = ObjectRules.HasFinalizers(current.Json);
            if (held && current.Metadata.DeletionTimestamp is not null) return (current, false);
            var marked = held ? ObjectRules.Deleting(current, time.GetUtcNow()) : null;
            if (dryRun) return (current, !held);
            List<StoreWrite> writes = marked is not null
                ? [StoreWrite.Put(key, StoredObjects.Bytes(marked), entry.ModRevision)]
                : [StoreWrite.Delete(key, entry.ModRevision), .. kind == ResourceKinds.Namespace ? DeletesIn(state, name) : []];
            var result = await Store.CommitAsync(new StoreTransaction(writes, []));
            if (result.Accepted) return (held ? StoredObjects.Typed(result.Entries[0]!) : current, !held);
        }
        throw new ApiException(ApiStatus.Conflict(kind, name, $"others changed it {_options.MaxAttempts} times meanwhile; try again"));
    }

    /// <summary>Parses a resourceVersion of ours.</summary>
    public static long? ParseRevision(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision
            : throw new ApiException(ApiStatus.BadRequest($"resourceVersion \"{text}\" was not given by this server: use one from an object or a list"));
    }

    /// <summary>What else is written with a new object: a namespace comes with the service account that workloads have when they name none.</summary>
    internal IEnumerable<StoreWrite> WithNamespace(ResourceObject created)
    {
        if (created.Kind != ResourceKinds.Namespace) yield break;
        var json = new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "ServiceAccount", ["metadata"] = new JsonObject { ["name"] = "default", ["namespace"] = created.Metadata.Name },
        };
        var account = ResourceKinds.ServiceAccount.Create(json);
        var key = StoredObjects.KeyOf(account);
        if (Store.Current.Find(key) is null)
            yield return StoreWrite.Put(key, StoredObjects.Bytes(ObjectRules.Created(account, time.GetUtcNow(), Guid.NewGuid())));
    }

    internal static StoreKey NamespaceKey(string ns) => StoredObjects.KeyOf(ResourceKinds.Namespace, "", ns);

    private static StoreKey[] NamespaceOf(ResourceObject o) => o.Kind.Namespaced ? [NamespaceKey(o.Metadata.Namespace)] : [];

    private static void RequireNamespace(StoreState state, ResourceKind kind, string ns)
    {
        if (kind.Namespaced && state.Find(NamespaceKey(ns)) is null) throw new ApiException(ApiStatus.NoNamespace(ns));
    }

    private static IEnumerable<StoreWrite> DeletesIn(StoreState state, string ns) =>
        ResourceKinds.All.Where(k => k.Namespaced).SelectMany(k => state.List(StoredObjects.CollectionOf(k), ns)).Select(e => StoreWrite.Delete(e.Key));

    private static ApiException StaleVersion(ResourceKind kind, string name, long seen, StoreEntry? actual) => new(ApiStatus.Conflict(kind, name, actual is null
        ? $"resourceVersion {seen} was asked for, but the object does not exist"
        : $"the object has been modified; please apply your changes to the latest version and try again (yours {seen}, now {actual.ModRevision})"));
}
