using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Weft.Control.Api;
using Weft.Control.Insights;
using Weft.Control.Model;
using Weft.Control.Model.Stages;
using Weft.Control.Store;
using Weft.Control.Translation;
using Weft.Resources;

namespace Weft.Control.Serving;

/// <summary>
/// Writes what the mesh has to say about each object into its status: the model's conditions, and <c>Programmed=False</c> with the words of the proxy
/// that refused what came of it. Only what changed is written, and a status means nothing to the model: so no write causes another.
/// </summary>
public sealed partial class StatusPublisher(
    ObjectService objects, Latest<MeshModel> models, ProxyRegistry proxies, Translator translator, ServingOptions options, TimeProvider time, ILoggerFactory logs)
{
    private const int WritesAtATime = 64; // they share fsyncs; more would only fill the store's queue
    private readonly ILogger _log = logs.CreateLogger<StatusPublisher>();
    private readonly Dictionary<ResourceKey, Written> _written = [];

    /// <summary>What was last found written for an object; the object is told by its UID from a later one of the same name.</summary>
    private sealed record Written(ResourceStatus Status, string Refusal, string Uid);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var cancelled = Task.Delay(Timeout.InfiniteTimeSpan, time, cancel);
        while (true)
        {
            var model = models.Value;
            var seen = proxies.Proxies.Value;
            var retry = await WriteAllAsync(model, seen) ? cancelled : Task.Delay(options.StatusRetry, time, cancel);
            await Task.WhenAny(models.WhenNot(model), proxies.Proxies.WhenNot(seen), retry);
            cancel.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Writes every status that is not as it should be; false when the store refused one.</summary>
    private async Task<bool> WriteAllAsync(MeshModel model, ImmutableSortedDictionary<string, ProxyStatus> proxies)
    {
        var refusals = Refusals(proxies);
        var state = objects.Store.Current;
        var due = new List<(ResourceKey Key, Written Wanted)>();
        foreach (var (key, status) in model.Status)
        {
            if (state.Find(status.Source.Kind, key.Namespace, key.Name) is not { } current) continue; // deleted meanwhile
            var wanted = new Written(status, refusals.GetValueOrDefault(key, ""), current.Metadata.Uid);
            if (_written.GetValueOrDefault(key) != wanted) due.Add((key, wanted));
        }
        foreach (var gone in _written.Keys.Where(k => !model.Status.ContainsKey(k)).ToList()) _written.Remove(gone);
        var all = true;
        foreach (var chunk in due.Chunk(WritesAtATime))
        {
            foreach (var (key, wanted, done) in await Task.WhenAll(chunk.Select(async d => (d.Key, d.Wanted, Done: await WriteAsync(d.Key, d.Wanted)))))
            {
                if (done) _written[key] = wanted;
                all &= done;
            }
        }
        return all;
    }

    private async Task<bool> WriteAsync(ResourceKey key, Written wanted)
    {
        var status = wanted.Refusal.Length == 0 ? wanted.Status : WithRefusal(wanted.Status, wanted.Refusal);
        try
        {
            await objects.ChangeAsync(status.Source.Kind, key.Namespace, key.Name, expected: null, current =>
            {
                if (current is null || current.Metadata.Uid != wanted.Uid) throw new ApiException(ApiStatus.NotFound(status.Source.Kind, key.Namespace, key.Name));
                return StatusWriter.Merge(status, current.Status, time.GetUtcNow()) is { } next ? ObjectRules.WithStatus(current, next) : current.Json;
            }, dryRun: false);
            return true;
        }
        catch (ApiException e) when (e.Status.Code == 404)
        {
            return true; // it has gone, and its status with it
        }
        catch (Exception e) when (e is StoreUnavailableException or ApiException)
        {
            Log.NotWritten(_log, key.ToString(), e.Message);
            return false;
        }
    }

    /// <summary>By the object that caused it, what proxies and Weft's own compiler say against it.</summary>
    private Dictionary<ResourceKey, string> Refusals(ImmutableSortedDictionary<string, ProxyStatus> proxies)
    {
        var lines = new Dictionary<ResourceKey, SortedSet<string>>();
        foreach (var proxy in proxies.Values.Where(p => p.Connected))
            foreach (var refusal in proxy.Refusals)
                Add(refusal.Origins, $"{proxy.Node.Id} refuses {refusal.Type.ToString().ToLowerInvariant()} {refusal.Name}: {refusal.Message}");
        foreach (var problem in translator.Problems)
            Add(problem.Origins, $"weft cannot serve {problem.Type.ToString().ToLowerInvariant()} {problem.Name}: {string.Join("; ", problem.Rejections.Select(r => $"{r.Field}: {r.Message}"))}");
        return lines.ToDictionary(l => l.Key, l => string.Join('\n', l.Value.Take(5)));

        void Add(ImmutableArray<ResourceKey> origins, string line)
        {
            if (origins.IsEmpty) return;
            // The first origin is the most telling; the others only took part.
            if (!lines.TryGetValue(origins[0], out var set)) lines[origins[0]] = set = new SortedSet<string>(StringComparer.Ordinal);
            set.Add(line);
        }
    }

    private static ResourceStatus WithRefusal(ResourceStatus status, string refusal)
    {
        var condition = new Condition(ConditionTypes.Programmed, false, "Refused", refusal);
        return status.Parents.IsEmpty
            ? status with { Conditions = status.Conditions.Add(condition) }
            : status with { Parents = [.. status.Parents.Select(p => p with { Conditions = p.Conditions.Add(condition) })] };
    }

    private static partial class Log
    {
        [LoggerMessage(4110, LogLevel.Warning, "the status of {Object} could not be written, will be tried again: {Reason}")]
        public static partial void NotWritten(ILogger log, string @object, string reason);
    }
}
