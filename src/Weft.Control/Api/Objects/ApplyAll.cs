using System.Text.Json.Nodes;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

public enum ApplyAction { Created, Configured, Unchanged }

/// <summary>What became of one document.</summary>
public sealed record AppliedObject(ResourceObject Object, ApplyAction Action);

/// <param name="Revision">The store's revision with everything applied: what <c>/weft/v1/rollout</c> waits for.</param>
public sealed record ApplyOutcome(long Revision, IReadOnlyList<AppliedObject> Objects);

/// <summary>Many documents in one transaction: all of them, or none. Each object becomes what its document says; status and what
/// controllers wrote into metadata stay.</summary>
public sealed class ApplyAll(ObjectService objects, TimeProvider time, ApiOptions? options = null)
{
    private readonly ApiOptions _options = options ?? new ApiOptions();

    /// <exception cref="ApiException">NotFound for a namespace that neither exists nor is among the documents; what the addresses of a Service may throw.</exception>
    public async Task<ApplyOutcome> RunAsync(IReadOnlyList<ResourceObject> wanted, bool dryRun)
    {
        for (var attempt = 0; attempt < _options.MaxAttempts; attempt++)
        {
            var state = objects.Store.Current;
            using var addresses = objects.Addresses.Begin(wanted.OfType<Mesh>().FirstOrDefault());
            var plan = wanted.Select(w => Plan(state, w, addresses)).ToList();
            var namespaces = wanted.Where(w => w.Kind == ResourceKinds.Namespace).Select(w => w.Metadata.Name).ToHashSet(StringComparer.Ordinal);
            var required = wanted.Where(w => w.Kind.Namespaced && !namespaces.Contains(w.Metadata.Namespace))
                .Select(w => ObjectService.NamespaceKey(w.Metadata.Namespace)).Distinct().ToList();
            if (required.Find(k => state.Find(k) is null) is { Name: { } missing }) throw new ApiException(ApiStatus.NoNamespace(missing));

            var changes = plan.Where(p => p.Action != ApplyAction.Unchanged).ToList();
            if (dryRun || changes.Count == 0)
                return new ApplyOutcome(state.Revision, [.. plan.Select(p => new AppliedObject(p.Current is { } same && p.Action == ApplyAction.Unchanged ? same : p.Wanted.Kind.Create(p.Json), p.Action))]);
            var writes = changes.Select(p => p.Write).ToList();
            var written = wanted.Select(StoredObjects.KeyOf).ToHashSet();
            writes.AddRange(changes.Where(p => p.Action == ApplyAction.Created).SelectMany(p => objects.WithNamespace(p.Wanted)).Where(w => !written.Contains(w.Key)));
            var result = await objects.Store.CommitAsync(new StoreTransaction(writes, required));
            if (!result.Accepted) continue; // somebody changed one of them since it was read: decide again on what is there now
            var stored = changes.Zip(result.Entries).ToDictionary(p => p.First, p => StoredObjects.Typed(p.Second!));
            return new ApplyOutcome(result.Revision, [.. plan.Select(p => new AppliedObject(stored.GetValueOrDefault(p) ?? p.Current!, p.Action))]);
        }
        throw new ApiException(new ApiStatus(409, "Conflict", $"others changed these objects {_options.MaxAttempts} times meanwhile; try again"));
    }

    private Planned Plan(StoreState state, ResourceObject wanted, AddressDraft addresses)
    {
        var key = StoredObjects.KeyOf(wanted);
        if (state.Find(key) is not { } entry)
        {
            var created = ObjectRules.Created(wanted, time.GetUtcNow(), Guid.NewGuid());
            addresses.Complete(wanted.Kind, null, created);
            return new Planned(wanted, null, created, ApplyAction.Created, StoreWrite.Put(key, StoredObjects.Bytes(created), expected: 0));
        }
        var current = StoredObjects.Typed(entry);
        var json = ObjectRules.Applied(current, wanted);
        addresses.Complete(wanted.Kind, current, json);
        var action = ObjectRules.IsUnchanged(current, json) ? ApplyAction.Unchanged : ApplyAction.Configured;
        return new Planned(wanted, current, json, action, StoreWrite.Put(key, StoredObjects.Bytes(json), entry.ModRevision));
    }

    private sealed record Planned(ResourceObject Wanted, ResourceObject? Current, JsonObject Json, ApplyAction Action, StoreWrite Write);
}
