using CsCheck;
using Fairlead.Dns.Zone;
using Xunit;

namespace Fairlead.Unit.Dns.Zone;

public sealed class NameMapTests
{
    [Fact]
    public void Set_AnySequence_HoldsWhatADictionaryHolds()
    {
        Gen.Select(Gen.Int[0, 300], Gen.Int[-5, 5]).List[0, 600].Sample(changes =>
        {
            NameMap<string> map = NameMap<string>.Empty;
            var model = new Dictionary<int, string>();
            foreach ((int key, int value) in changes)
            {
                // Half of the changes take a key out.
                string? text = value > 0 ? $"v{value}" : null;
                NameMap<string> before = map;
                string? held = before.Find(Key(key));
                map = map.Set(Key(key), text);
                Assert.Equal(held, before.Find(Key(key)));
                if (text is null)
                {
                    model.Remove(key);
                }
                else
                {
                    model[key] = text;
                }
            }
            Assert.Equal(model.Count, map.Count);
            for (int key = 0; key <= 300; key++)
            {
                Assert.Equal(model.GetValueOrDefault(key), map.Find(Key(key)));
            }
        });
    }

    [Fact]
    public void Set_KeysOfOneHash_AreKeptApart()
    {
        // Found by search: FNV-1a makes one hash of both.
        byte[] one = "costarring"u8.ToArray(), other = "liquid"u8.ToArray();
        NameMap<string> map = NameMap<string>.Empty.Set(one, "one").Set(other, "other").Set(one, "first");

        Assert.Equal("first", map.Find(one));
        Assert.Equal("other", map.Find(other));
        Assert.Equal("other", map.Set(one, null).Find(other));
        Assert.Null(map.Set(other, null).Find(other));
        Assert.Equal(1, map.Set(other, null).Count);
    }

    [Fact]
    public void Set_AmongTenThousand_CostsAsAmongAHundred()
    {
        Assert.InRange(BytesOfChange(10_000), 1, 3 * BytesOfChange(100));

        static long BytesOfChange(int size)
        {
            NameMap<string> map = NameMap<string>.Empty;
            for (int i = 0; i < size; i++)
            {
                map = map.Set(Key(i), "value");
            }
            byte[][] keys = [.. Enumerable.Range(0, 100).Select(Key)];
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (byte[] key in keys)
            {
                map.Set(key, "changed");
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static byte[] Key(int number) => global::System.Text.Encoding.ASCII.GetBytes($"service-{number}");
}
