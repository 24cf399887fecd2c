using System.Text;
using Google.Protobuf;

namespace Weft.Xds.Tests.Harness;

/// <summary>A snapshot whose resources are short texts. Every resource of a type is in its wildcard. Changes make a new one, one revision on.</summary>
public sealed class TestSnapshot : IXdsSnapshot
{
    private readonly SortedDictionary<(XdsType, string), XdsResource> _resources;

    private TestSnapshot(long revision, SortedDictionary<(XdsType, string), XdsResource> resources) => (Revision, _resources) = (revision, resources);

    public static TestSnapshot Empty { get; } = new(1, []);

    public long Revision { get; }

    public XdsResource? Find(XdsType type, string name) => _resources.GetValueOrDefault((type, name));

    public IReadOnlyList<XdsResource> Wildcard(XdsType type) => [.. _resources.Where(r => r.Key.Item1 == type).Select(r => r.Value)];

    /// <summary>Changes in words: <c>CDS a=1</c> sets, <c>CDS a-</c> removes.</summary>
    public TestSnapshot With(params string[] changes)
    {
        var next = new SortedDictionary<(XdsType, string), XdsResource>(_resources);
        foreach (var change in changes)
        {
            var type = XdsTypes.All.Single(t => t.Service() == change[..3]);
            foreach (var item in change[4..].Split(' '))
            {
                if (item.EndsWith('-')) next.Remove((type, item[..^1]));
                else next[(type, item.Split('=')[0])] = Resource(item.Split('=')[0], item.Split('=')[1]);
            }
        }
        return new TestSnapshot(Revision + 1, next);
    }

    public static XdsResource Resource(string name, string content) => XdsResource.Of(name, ByteString.CopyFrom(content, Encoding.UTF8));

    public static string Version(string content) => XdsVersion.Of(Encoding.UTF8.GetBytes(content));
}
