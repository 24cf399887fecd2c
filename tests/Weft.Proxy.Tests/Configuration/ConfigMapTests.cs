using System.Text;
using Shouldly;
using Weft.Proxy.Configuration;
using Xunit;

namespace Weft.Proxy.Tests.Configuration;

public sealed class ConfigMapTests
{
    [Fact]
    public void Behaves_as_a_dictionary_and_every_version_stays_as_it_was()
    {
        var random = new Random(5);
        var expected = new Dictionary<string, string>();
        var map = ConfigMap<string>.Empty;
        var versions = new List<(ConfigMap<string> Map, Dictionary<string, string> Content)>();
        for (var i = 0; i < 3000; i++)
        {
            var name = $"service-{random.Next(400)}.default:80";
            var value = random.Next(4) == 0 ? null : $"v{i}";
            map = map.With(name, value);
            if (value is null) expected.Remove(name);
            else expected[name] = value;
            if (i % 300 == 0) versions.Add((map, new Dictionary<string, string>(expected)));
        }
        versions.Add((map, expected));

        foreach (var (version, content) in versions)
        {
            version.Count.ShouldBe(content.Count);
            version.Items.ToDictionary(p => p.Key, p => p.Value).ShouldBe(content, ignoreOrder: true);
            foreach (var (name, value) in content)
            {
                version.Find(name).ShouldBe(value);
                version.Find(Encoding.UTF8.GetBytes(name)).ShouldBe(value);
            }
            version.Find("absent").ShouldBeNull();
        }
    }

    [Fact]
    public void Lookups_allocate_nothing()
    {
        var map = ConfigMap<string>.Empty.With("catalog.default:80", "x");
        map.Find("catalog.default:80"u8).ShouldBe("x");

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            map.Find("catalog.default:80"u8);
            map.Find("catalog.default:80");
        }
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }
}
