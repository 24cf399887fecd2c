namespace Weft.Fuzz;

/// <summary>Small changes to bytes: the kind that a parser's authors did not think of, near inputs that they did.</summary>
public sealed class Mutator(Random random, IReadOnlyList<byte[]> dictionary)
{
    private const int MaxLength = 2048;

    private static readonly byte[] _interesting = [0, 9, 10, 11, 13, 32, 34, 35, 37, 44, 46, 47, 48, 58, 59, 61, 64, 92, 127, 128, 160, 255];

    public byte[] Mutate(IReadOnlyList<byte[]> corpus)
    {
        var bytes = new List<byte>(corpus[random.Next(corpus.Count)]);
        for (var i = 1 + random.Next(4); i > 0; i--) Step(bytes, corpus);
        if (bytes.Count > MaxLength) bytes.RemoveRange(MaxLength, bytes.Count - MaxLength);
        return [.. bytes];
    }

    private void Step(List<byte> bytes, IReadOnlyList<byte[]> corpus)
    {
        var at = random.Next(bytes.Count + 1);
        var length = Math.Min(bytes.Count - at, 1 + random.Next(16));
        switch (random.Next(9))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = _interesting[random.Next(_interesting.Length)];
                break;
            case 2:
                bytes.Insert(at, _interesting[random.Next(_interesting.Length)]);
                break;
            case 3:
                bytes.RemoveRange(at, length);
                break;
            case 4:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 5:
                var other = corpus[random.Next(corpus.Count)];
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other.AsSpan(random.Next(other.Length + 1)));
                break;
            case 6 when random.Next(4) == 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                bytes.InsertRange(at, dictionary[random.Next(dictionary.Count)]);
                break;
        }
    }
}
