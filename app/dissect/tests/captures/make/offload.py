# Switches checksum and segmentation offload of an interface off, so that frames are recorded as they would be on a wire.
import array, fcntl, socket, struct, sys

SIOCETHTOOL = 0x8946
COMMANDS = (0x15, 0x17, 0x1F, 0x24, 0x2C)  # rx and tx checksums, TSO, GSO, GRO

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    for command in COMMANDS:
        value = array.array("B", struct.pack("II", command, 0))
        fcntl.ioctl(probe, SIOCETHTOOL, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
