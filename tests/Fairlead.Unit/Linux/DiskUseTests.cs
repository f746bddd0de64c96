using Fairlead.Linux.Files;
using Xunit;

namespace Fairlead.Unit.Linux;

public sealed class DiskUseTests
{
    [Fact]
    public void Folder_WithFilesAndLinks_CountsEachFileOnceAsDuDoes()
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-du-").FullName;
        try
        {
            var empty = DiskUse.Of(folder);
            Directory.CreateDirectory($"{folder}/a");
            File.WriteAllBytes($"{folder}/a/b", new byte[100_000]);
            var one = DiskUse.Of(folder);
            FileNode.Link($"{folder}/a/b", $"{folder}/c");
            File.CreateSymbolicLink($"{folder}/d", "/usr");

            var all = DiskUse.Of(folder);

            Assert.Equal(1, empty.Inodes);
            Assert.Equal(3, one.Inodes);
            Assert.InRange(one.Bytes - empty.Bytes, 100_000, 120_000);
            Assert.Equal((one.Bytes, 4), (all.Bytes, all.Inodes));
            Assert.Equal(default, DiskUse.Of($"{folder}/none"));
            Assert.InRange(FileSystemFacts.Of(folder).Available, 1, FileSystemFacts.Of(folder).Capacity);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
